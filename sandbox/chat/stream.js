/** The live events of one viewer, over server-sent events, with our own reconnection. */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;

const KINDS = ["message_create", "message_update", "message_delete", "interaction_answered", "interaction_failed", "modal", "typing", "world"];

/**
 * Keeps one stream open until closed.
 *
 * The browser's own reconnection gives up for good on an HTTP error (a sandbox that is just restarting), and says nothing
 * about what was missed; here each new connection calls `onOpen`, which loads what there is.
 */
export class Stream {
  constructor(address, { onOpen, onEvent, onLost }) {
    this.address = address;
    this.onOpen = onOpen;
    this.onEvent = onEvent;
    this.onLost = onLost;
    this.waitMs = FIRST_WAIT_MS;
    this.timer = null;
    this.closed = false;
    this.connect();
  }

  connect() {
    this.source = new EventSource(this.address);
    this.source.addEventListener("open", () => {
      this.waitMs = FIRST_WAIT_MS;
      this.onOpen();
    });
    this.source.addEventListener("error", () => this.retry());
    for (const kind of KINDS) {
      this.source.addEventListener(kind, (event) => this.onEvent(kind, JSON.parse(event.data)));
    }
  }

  retry() {
    if (this.closed) return;
    this.source.close();
    this.onLost();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), this.waitMs);
    this.waitMs = Math.min(this.waitMs * 2, LONGEST_WAIT_MS);
  }

  /** End it; nothing is called afterwards. */
  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.source.close();
  }
}
