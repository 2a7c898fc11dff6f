/*
 * A disk that fails on demand, preloaded before the C library's own calls; see disk.py.
 *
 * Only files whose name holds "quota.db" are touched. A page of memory shared with whoever rehearses says what
 * happens: which call fails, at the how-manieth time, once or from then on, and whether undo records are kept.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CALL_WRITE = 1, CALL_SYNC = 2, CALL_READ = 4, CALL_TRUNCATE = 8, PAGE = 4096 };

struct control {
    int64_t calls;    /* which calls fail, as bits */
    int64_t left;     /* the call that fails, counted down; 0: none */
    int64_t sticky;   /* all later ones fail too */
    int64_t error;    /* the errno of a failure */
    int64_t struck;   /* how many calls failed */
    int64_t delay_us; /* how much longer each call takes */
    int64_t undo;     /* keep what is needed to forget what was not synced */
};

struct record { /* followed by the path, and by the bytes that stood there before */
    int64_t kind, path_length, offset, size_before, old_length;
};

static struct control *control;
static char undo_path[PATH_MAX];
static int undo_file = -1;
static char kinds[PAGE]; /* of a file descriptor: 0 unknown, 1 a ledger's, 2 another's */

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("JAUGE_DISK");
    int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0) : -1;

    if (file < 0) return;
    snprintf(undo_path, sizeof undo_path, "%s.undo", path);
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    control = page == MAP_FAILED ? NULL : page;
    syscall(SYS_close, file);
}

static ssize_t path_of(int fd, char *path)
{
    char link[64];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlink, link, path, PATH_MAX - 1);
    if (length >= 0) path[length] = 0;
    return length;
}

static int ours(int fd)
{
    char path[PATH_MAX];

    if (!control || fd < 0 || fd >= PAGE) return 0;
    if (!kinds[fd] && path_of(fd, path) >= 0) kinds[fd] = strstr(path, "quota.db") ? 1 : 2;
    return kinds[fd] == 1;
}

static int fails(int call)
{
    if (control->delay_us) usleep((useconds_t)control->delay_us);
    if (!(control->calls & call) || !control->left) return 0;
    if (control->left > 1) {
        control->left--;
        return 0;
    }
    if (!control->sticky) control->left = 0;
    control->struck++;
    errno = (int)control->error;
    return 1;
}

static void note(int kind, int fd, int64_t offset, int64_t count)
{
    char path[PATH_MAX];
    char *old = NULL;
    struct stat about;
    struct record record = {kind, path_of(fd, path), offset, 0, 0};

    if (undo_file < 0)
        undo_file = (int)syscall(SYS_openat, AT_FDCWD, undo_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (undo_file >= 0 && undo_file < PAGE) kinds[undo_file] = 2;
    if (fstat(fd, &about) == 0) record.size_before = about.st_size;
    if (kind == CALL_WRITE || kind == CALL_TRUNCATE) {
        if (kind == CALL_TRUNCATE) count = record.size_before - offset;
        if (count > 0 && (old = malloc((size_t)count)) != NULL) {
            ssize_t length = syscall(SYS_pread64, fd, old, (size_t)count, offset);
            record.old_length = length > 0 ? length : 0;
        }
    }
    syscall(SYS_write, undo_file, &record, sizeof record);
    syscall(SYS_write, undo_file, path, (size_t)record.path_length);
    if (record.old_length) syscall(SYS_write, undo_file, old, (size_t)record.old_length);
    free(old);
}

ssize_t pwrite64(int fd, const void *from, size_t count, off64_t offset)
{
    if (ours(fd)) {
        if (fails(CALL_WRITE)) return -1;
        if (control->undo) note(CALL_WRITE, fd, offset, (int64_t)count);
    }
    return syscall(SYS_pwrite64, fd, from, count, offset);
}

ssize_t pwrite(int fd, const void *from, size_t count, off_t offset) { return pwrite64(fd, from, count, offset); }

ssize_t write(int fd, const void *from, size_t count)
{
    if (ours(fd)) {
        if (fails(CALL_WRITE)) return -1;
        if (control->undo) note(CALL_WRITE, fd, syscall(SYS_lseek, fd, 0, SEEK_CUR), (int64_t)count);
    }
    return syscall(SYS_write, fd, from, count);
}

ssize_t pread64(int fd, void *into, size_t count, off64_t offset)
{
    if (ours(fd) && fails(CALL_READ)) return -1;
    return syscall(SYS_pread64, fd, into, count, offset);
}

ssize_t pread(int fd, void *into, size_t count, off_t offset) { return pread64(fd, into, count, offset); }

ssize_t read(int fd, void *into, size_t count)
{
    if (ours(fd) && fails(CALL_READ)) return -1;
    return syscall(SYS_read, fd, into, count);
}

static int synced(int number, int fd)
{
    if (ours(fd)) {
        if (fails(CALL_SYNC)) return -1;
        int result = (int)syscall(number, fd);
        if (result == 0 && control->undo) note(CALL_SYNC, fd, 0, 0);
        return result;
    }
    return (int)syscall(number, fd);
}

int fsync(int fd) { return synced(SYS_fsync, fd); }

int fdatasync(int fd) { return synced(SYS_fdatasync, fd); }

int ftruncate64(int fd, off64_t length)
{
    if (ours(fd)) {
        if (fails(CALL_TRUNCATE)) return -1;
        if (control->undo) note(CALL_TRUNCATE, fd, length, 0);
    }
    return (int)syscall(SYS_ftruncate, fd, length);
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int close(int fd)
{
    if (fd >= 0 && fd < PAGE) kinds[fd] = 0;
    return (int)syscall(SYS_close, fd);
}
