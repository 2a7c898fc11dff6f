-- What wrk reports of plain GETs: requests, microseconds, errors.

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format("RESULT %d %d %d\n", summary.requests, summary.duration,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
