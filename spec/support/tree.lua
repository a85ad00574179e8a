--- Small trees on disk: make, read, compare, remove. Paths are plain strings; what fails raises.
local dirent = require "posix.dirent"
local stat = require "posix.sys.stat"
local time = require "posix.time"
local unistd = require "posix.unistd"

local M = {}

local function must(what, ok, why)
    if not ok then
        error(("%s: %s"):format(what, tostring(why)), 3)
    end
    return ok
end

---@return boolean
function M.exists(path)
    return stat.lstat(path) ~= nil
end

--- The lstat of path; raises when there is none.
function M.lstat(path)
    return must("lstat " .. path, stat.lstat(path))
end

--- Permission bits of path, set-id bits included.
---@return integer
function M.mode(path)
    return M.lstat(path).st_mode & 4095
end

function M.chmod(path, mode)
    must("chmod " .. path, stat.chmod(path, mode))
end

function M.chown(path, uid, gid)
    must("chown " .. path, unistd.chown(path, uid, gid))
end

--- Makes a directory and its missing parents.
function M.mkdir(path, mode)
    local parent = path:match("^(.+)/[^/]+$")
    if parent and not M.exists(parent) then
        M.mkdir(parent)
    end
    must("mkdir " .. path, stat.mkdir(path, 448))
    must("chmod " .. path, stat.chmod(path, mode or 493))
    return path
end

--- Writes a file, over what is there.
function M.write(path, content, mode)
    local file <close> = must("write " .. path, io.open(path, "w"))
    must("write " .. path, file:write(content or ""))
    if mode then
        M.chmod(path, mode)
    end
end

---@return string? content  nil when there is no such file
function M.read(path)
    local file <close> = io.open(path, "r")
    return file and file:read("a")
end

function M.link(from, to)
    must("link " .. to, unistd.link(from, to))
end

function M.symlink(target, path)
    must("symlink " .. path, unistd.link(target, path, true))
end

function M.rename(from, to)
    must("rename " .. from, os.rename(from, to))
end

function M.unlink(path)
    must("unlink " .. path, unistd.unlink(path))
end

---@return string[] names  sorted, without . and ..
function M.list(dir)
    local names = {}
    for name in dirent.files(dir) do
        if name ~= "." and name ~= ".." then
            names[#names + 1] = name
        end
    end
    table.sort(names)
    return names
end

--- Waits until there is something at path.
function M.await(path)
    for _ = 1, 4000 do
        if M.exists(path) then
            return
        end
        time.nanosleep { tv_sec = 0, tv_nsec = 5000000 }
    end
    error("there is no " .. path, 2)
end

--- Removes path and all below it; a path that is not there is fine.
function M.remove(path)
    local found = stat.lstat(path)
    if not found then
        return
    end
    if stat.S_ISDIR(found.st_mode) == 0 then
        return M.unlink(path)
    end
    stat.chmod(path, 448)
    for _, name in ipairs(M.list(path)) do
        M.remove(path .. "/" .. name)
    end
    must("rmdir " .. path, unistd.rmdir(path))
end

local function describe_one(path, found)
    local mode = found.st_mode
    local owner = ("%04o %d:%d"):format(mode & 4095, found.st_uid, found.st_gid)
    if stat.S_ISDIR(mode) ~= 0 then
        return "directory " .. owner
    elseif stat.S_ISLNK(mode) ~= 0 then
        return "symlink to " .. unistd.readlink(path)
    elseif stat.S_ISREG(mode) ~= 0 then
        return ("file %s %q"):format(owner, M.read(path))
    end
    return ("special %o %s"):format(mode & 61440, owner)
end

local function describe_below(dir, prefix, out, skip)
    for _, name in ipairs(M.list(dir)) do
        local path = dir .. "/" .. name
        local found = M.lstat(path)
        if not (skip and skip(prefix .. name)) then
            out[prefix .. name] = describe_one(path, found)
        end
        if stat.S_ISDIR(found.st_mode) ~= 0 then
            describe_below(path, prefix .. name .. "/", out, skip)
        end
    end
    return out
end

--- What is below dir, as a table from path to words about it: two equal trees give equal tables.
---@param dir   string
---@param skip? fun(path: string): boolean  what is left out
---@return table<string, string>
function M.describe(dir, skip)
    return describe_below(dir, "", {}, skip)
end

--- Bytes and inodes of a tree as the contract counts them: blocks of every inode, each once.
---@return {size: integer, inodes: integer}
function M.usage(dir)
    local seen, total = {}, { size = 0, inodes = 0 }
    local function add(path)
        local found = M.lstat(path)
        local id = found.st_dev .. ":" .. found.st_ino
        if not seen[id] then
            seen[id] = true
            total.size = total.size + found.st_blocks * 512
            total.inodes = total.inodes + 1
        end
        if stat.S_ISDIR(found.st_mode) ~= 0 then
            for _, name in ipairs(M.list(path)) do
                add(path .. "/" .. name)
            end
        end
    end
    add(dir)
    return total
end

return M
