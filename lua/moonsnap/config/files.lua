--- Which files make up a configuration, in which order, and whom they may belong to.
---
---     /etc/moonsnap/config.lua
---     /etc/moonsnap/config.d/10-local.lua     what lies in FILE's folder with the extension .d, *.lua, in byte order
---     /etc/moonsnap/config.d/20-site.lua
---
--- A configuration is code of whoever runs the service: what others may write, or could put another file in the place
--- of, is refused.

local dirent = require "posix.dirent"
local stat = require "posix.sys.stat"
local stdlib = require "posix.stdlib"
local unistd = require "posix.unistd"

local M = {}

local GROUP_OR_OTHERS_WRITE = 18 -- 022
local STICKY = 512 -- 01000: others may add to such a folder, and take nothing away that is not theirs

--- In a user namespace root's files belong to nobody that is known there. Below /usr and /etc, as far as no one may
--- write any of the folders on the way, such a file is root's.
---@param found table  of stat
---@param path  string
---@return boolean
local function is_of_the_system(found, path)
    local nobody = stat.stat("/").st_uid
    local real = nobody ~= 0 and found.st_uid == nobody and stdlib.realpath(path)
    if not real or not (real:find("^/usr/") or real:find("^/etc/")) then
        return false
    end
    for at in real:gmatch("()/") do
        local above = stat.stat(at == 1 and "/" or real:sub(1, at - 1))
        if not above or above.st_uid ~= nobody or above.st_mode & GROUP_OR_OTHERS_WRITE ~= 0 then
            return false
        end
    end
    return true
end

--- Is what a path names safe from others? It belongs to us or root, and nobody else may write it.
---@param path string
---@param what string  what it is to an error: "configuration"
---@param failure fun(kind: string, message: string): moonsnap.Error
---@param shared? boolean  a folder that others may add to will do
---@return boolean? directory
---@return moonsnap.Error? err  not_found, permission_denied
function M.ours(path, what, failure, shared)
    local found, why = stat.stat(path)
    if not found then
        return nil, failure("not_found", what .. " " .. why) -- it names the file
    end
    return M.ours_by(found, path, what, failure, shared)
end

--- The same of what stat or fstat has told.
---@param found table
---@return boolean? directory
---@return moonsnap.Error? err  permission_denied
function M.ours_by(found, path, what, failure, shared)
    local open = found.st_mode & GROUP_OR_OTHERS_WRITE ~= 0 and not (shared and found.st_mode & STICKY ~= 0)
    local ours = found.st_uid == 0 or found.st_uid == unistd.geteuid() or is_of_the_system(found, path)
    if not ours or open then
        return nil, failure("permission_denied", ("%s %s: others may write it: "
            .. "it must belong to you or root, with no write access for group and others (chmod go-w)")
            :format(what, path))
    end
    return stat.S_ISDIR(found.st_mode) ~= 0
end

--- The folder that a path is in.
---@param path string
---@return string
function M.folder(path)
    return path:match("^(.+)/[^/]*$") or path:find("^/") and "/" or "."
end

--- A path that a file names: relative ones are in the file's own folder.
---@param path string
---@param file string
---@return string
function M.beside(path, file)
    return path:find("^/") and path or M.folder(file) .. "/" .. path
end

--- The .lua files of a folder in byte order of their names; hidden ones are none of them.
---@param folder string
---@return string[]
function M.listed(folder)
    local paths = {}
    for _, name in ipairs(dirent.dir(folder)) do
        if name:find("^[^.].*%.lua$") then
            paths[#paths + 1] = folder .. "/" .. name
        end
    end
    table.sort(paths) -- in the C locale, which is the one that this process is in
    return paths
end

--- Is the folder that a file is in ours, and the one that it leads to, where it is a link?
---@param path string
---@param what string  what the folder is to an error: "configuration's folder"
---@param failure fun(kind: string, message: string): moonsnap.Error
---@param shared? boolean  a folder that others may add to will do
---@return true? ok
---@return moonsnap.Error? err  not_found, permission_denied
function M.folders_ours(path, what, failure, shared)
    local home, err = M.ours(M.folder(path), what, failure, shared)
    local real = home ~= nil and stdlib.realpath(path)
    if real and real ~= path then
        home, err = M.ours(M.folder(real), what, failure, true) -- the file there is ours: sticky keeps it in its place
    end
    return home ~= nil or nil, err
end

--- Is it a file, which is ours? Nobody waits for a FIFO.
---@param path string
---@param what string
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return true? ok
---@return moonsnap.Error? err  not_found, permission_denied; invalid_argument: it is no file
function M.file_ours(path, what, failure)
    local directory, err = M.ours(path, what, failure)
    if directory == nil then
        return nil, err
    elseif stat.S_ISREG(stat.stat(path).st_mode) == 0 then
        return nil, failure("invalid_argument", ("%s %s: it is %s"):format(what, path,
            directory and "a folder" or "no file"))
    end
    return true
end

--- Looks at one file of a configuration.
local function fine(path, failure, shared)
    local ok, err = M.file_ours(path, "configuration", failure)
    if not ok then
        return nil, err
    end
    return M.folders_ours(path, "configuration's folder", failure, shared)
end

--- The files that a configuration is read from, in order.
---@param path string
---@param failure fun(kind: string, message: string): moonsnap.Error
---@return string[]? files
---@return moonsnap.Error? err
function M.order(path, failure)
    local ok, err = fine(path, failure, true)
    if not ok then
        return nil, err
    end
    local files = { path }
    local folder = path:gsub("%.lua$", "") .. ".d"
    if stat.lstat(folder) then
        local is_folder
        is_folder, err = M.ours(folder, "configuration", failure)
        if not is_folder then
            return nil, err or failure("invalid_argument", ("configuration %s: it is no folder"):format(folder))
        end
        for _, dropped in ipairs(M.listed(folder)) do
            ok, err = fine(dropped, failure)
            if not ok then
                return nil, err
            end
            files[#files + 1] = dropped
        end
    end
    return files
end

return M
