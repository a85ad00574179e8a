--- Error kinds as gRPC has them: the one table, and how a message ends so that containerd's clients know the class.

local M = {}

--- By kind: gRPC's number, and the text of containerd's error class, which its clients cut off again.
M.KINDS = {
    canceled = { 1, "context canceled" },
    invalid_argument = { 3, "invalid argument" },
    deadline_exceeded = { 4, "context deadline exceeded" },
    not_found = { 5, "not found" },
    already_exists = { 6, "already exists" },
    permission_denied = { 7, "permission denied" },
    resource_exhausted = { 8, "resource exhausted" },
    failed_precondition = { 9, "failed precondition" },
    aborted = { 10, "aborted" },
    unimplemented = { 12, "not implemented" },
    internal = { 13, "internal" },
    unavailable = { 14, "unavailable" },
    data_loss = { 15, "data loss" },
}

--- gRPC's words for its numbers, as metrics and logs name them.
M.CODES = {
    [0] = "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

--- The status of an error value.
---@param err moonsnap.Error
---@return integer code
---@return string message
function M.of(err)
    local known = M.KINDS[err.kind] or M.KINDS.internal
    local text = known[2]
    if err.message:sub(-#text) == text then
        return known[1], err.message
    end
    return known[1], err.message .. ": " .. text
end

return M
