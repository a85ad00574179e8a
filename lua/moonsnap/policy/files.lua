--- Which files make up a store's policy, in which order, and whom they may belong to.
---
---     ROOT/policy.lua
---     ROOT/policy.d/*.lua     in byte order of their names; hidden ones are none of them
---     what `open` is given    in that order
---
--- A policy decides who may do what: a file that others may write, or could put another one in the place of, is
--- refused. So is one in the root that is a link to outside of it.

local fcntl = require "posix.fcntl"
local files = require "moonsnap.config.files"
local stat = require "posix.sys.stat"
local stdlib = require "posix.stdlib"
local unistd = require "posix.unistd"

local M = {}

local LARGEST = 1 << 20 -- bytes of one file: more is no policy but data

---@class moonsnap.policy.Place
---@field path    string
---@field options table<string, any>  values for its options
---@field inside? string              the root that it must not lead out of

--- Does the path, links followed, lead out of a folder?
local function leads_out(path, folder)
    local real, home = stdlib.realpath(path), stdlib.realpath(folder)
    return not real or not home or real:sub(1, #home + 1) ~= home .. "/"
end

--- Looks at a file, or a folder of files. Answers whether it is a folder.
---@param place moonsnap.policy.Place
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return boolean? folder
---@return moonsnap.Error? err
function M.check(place, failure)
    local folder, err = files.ours(place.path, "policy", failure)
    if folder == nil then
        return nil, err
    elseif place.inside and leads_out(place.path, place.inside) then
        return nil, failure("permission_denied",
            ("policy %s: it is a link that leads out of the root: put the file itself there"):format(place.path))
    end
    local ours
    ours, err = files.folders_ours(place.path, "policy's folder", failure, not place.inside)
    return ours and folder, err
end

local function exists(path)
    return stat.lstat(path) ~= nil
end

--- The files of a root, unchecked but for the folder that they are in.
local function of_root(root, failure)
    local places = {}
    if exists(root .. "/policy.lua") then
        places[1] = { path = root .. "/policy.lua", options = {}, inside = root }
    end
    local folder = root .. "/policy.d"
    if exists(folder) then
        local is_folder, err = M.check({ path = folder, inside = root }, failure)
        if is_folder == nil then
            return nil, err
        elseif not is_folder then
            return nil, failure("invalid_argument", ("policy %s: it is no folder"):format(folder))
        end
        for _, path in ipairs(files.listed(folder)) do
            places[#places + 1] = { path = path, options = {}, inside = root }
        end
    end
    return places
end

--- The files of a policy, in the order in which they are loaded.
---@param root?  string
---@param more   moonsnap.policy.Place[]
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return moonsnap.policy.Place[]? places
---@return moonsnap.Error? err
function M.order(root, more, failure)
    local places, err = {}, nil
    if root then
        places, err = of_root(root, failure)
    end
    if not places then
        return nil, err
    end
    return table.move(more, 1, #more, #places + 1, places)
end

local function read_all(fd, path, failure)
    local parts, size = {}, 0
    repeat
        local part, why = unistd.read(fd, 65536)
        if not part then
            return nil, failure("unavailable", ("read policy %s: %s"):format(path, why))
        end
        parts[#parts + 1], size = part, size + #part
        if size > LARGEST then
            return nil, failure("invalid_argument", ("policy %s: it has more than %d KiB"):format(path, LARGEST >> 10))
        end
    until part == ""
    return table.concat(parts)
end

--- Checks and reads a file.
---@param place moonsnap.policy.Place
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return string? text
---@return moonsnap.Error? err  not_found, permission_denied, invalid_argument (too large, a folder)
function M.read(place, failure)
    local folder, err = M.check(place, failure)
    if folder == nil then
        return nil, err
    elseif folder then
        return nil, failure("invalid_argument", ("policy %s: it is a folder"):format(place.path))
    end
    local fd, why = fcntl.open(place.path, fcntl.O_RDONLY | fcntl.O_CLOEXEC | fcntl.O_NONBLOCK)
    if not fd then
        return nil, failure("permission_denied", ("read policy %s"):format(why)) -- it names the file
    end
    local text
    local found = stat.fstat(fd) -- another file may stand there by now
    local ours
    ours, err = files.ours_by(found, place.path, "policy", failure)
    if ours ~= nil and stat.S_ISREG(found.st_mode) == 0 then
        err = failure("invalid_argument", ("policy %s: it is no file"):format(place.path))
    elseif ours ~= nil then
        text, err = read_all(fd, place.path, failure)
    end
    unistd.close(fd)
    return text, err
end

return M
