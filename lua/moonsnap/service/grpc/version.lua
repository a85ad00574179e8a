--- containerd.services.version.v1.Version: which moonsnap answers.

local M = {}

local PACKAGE = "containerd.services.version.v1."

---@param version string
---@param revision string  "" when it is not known
---@return moonsnap.service.Service
function M.new(version, revision)
    return {
        name = PACKAGE .. "Version",
        methods = {
            Version = {
                request = "google.protobuf.Empty", reply = PACKAGE .. "VersionResponse",
                call = function() return { version = version, revision = revision } end,
            },
        },
    }
end

return M
