-- What wrk sends: POST consumes with request ids that grow with time (UUIDv7), one or many in a request.
-- Arguments: path, API key, file of account ids (one a line), milliseconds to begin at, operations in a request.

local path, headers, ids, per_request
local made, first_ms = 0, 0

local function request_id()
    made = made + 1
    local at_ms = first_ms + math.floor(made / 50)
    return string.format("%06x%02x-%04x-7%03x-%04x-%06x%06x",
        math.floor(at_ms / 0x1000000), math.floor(at_ms / 0x10000) % 0x100, at_ms % 0x10000,
        math.random(0, 0xfff), math.random(0x8000, 0xbfff), math.random(0, 0xffffff), math.random(0, 0xffffff))
end

local function operation()
    local id = request_id()
    return string.format('{"user_id":"%s","metric":"requests","units":1,"request_id":"%s"}',
        ids[made % #ids + 1], id)
end

function init(arguments)
    path = arguments[1]
    headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. arguments[2] }
    ids = {}
    for line in io.lines(arguments[3]) do ids[#ids + 1] = line end
    first_ms, per_request = tonumber(arguments[4]), tonumber(arguments[5])
    math.randomseed(first_ms % 0x7fffffff)
end

function request()
    if per_request == 1 then return wrk.format("POST", path, headers, operation()) end
    local operations = {}
    for place = 1, per_request do operations[place] = operation() end
    return wrk.format("POST", path, headers, '{"operations":[' .. table.concat(operations, ",") .. ']}')
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format("RESULT %d %d %d\n", summary.requests, summary.duration,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
