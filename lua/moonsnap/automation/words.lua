--- The words that automation files have beside those of policies, each within what the configuration grants.
---
---     append("/var/log/moonsnap/audit.jsonl", line)        files    a path, or "/var/log/moonsnap/" and all below it
---     post("/run/audit.sock", "/changes", body)            sockets
---     spawn { "/usr/bin/logger", text, seconds = 5 }       spawn
---     every("15m", function() ... end)                     up to a tenth late, so that nodes do not march in step
---     json(value)                                          text
---
--- What the world outside refuses answers nil and an error; what is not granted, and misuse, raises.

local dkjson = require "dkjson"
local fcntl = require "posix.fcntl"
local stat = require "posix.sys.stat"
local unistd = require "posix.unistd"

local post = require "moonsnap.automation.post"
local raised = require "moonsnap.raised"
local spawn = require "moonsnap.automation.spawn"
local units = require "moonsnap.units"

local M = {}

local SECONDS, SECONDS_MAX = 10, 300 -- that a post or a program has
local LINE_MAX = 65536
local FILE_MODE = 416 -- 0640
local FLAGS = fcntl.O_WRONLY | fcntl.O_APPEND | fcntl.O_CLOEXEC | fcntl.O_NONBLOCK
local JITTER = 0.1
M.SHORTEST = 1 -- seconds between two runs of a timer

--- What one automation file may use.
---@class moonsnap.automation.Grant
---@field path    string
---@field spawn   string[]  programs
---@field files   string[]
---@field sockets string[]
---@field options? table<string, any>

---@class moonsnap.automation.WordOptions
---@field grant   moonsnap.automation.Grant
---@field sys     moonsnap.Sys
---@field waiting moonsnap.automation.Waiting
---@field failure fun(kind: string, message: string): moonsnap.Error
---@field timers? moonsnap.service.Timers   without: every() registers nothing that would run
---@field tasks?  moonsnap.service.Tasks
---@field log     fun(level: string, message: string, fields?: table)
---@field roll?   fun(): number             0 to 1, for the jitter
---@field running? table<table, true>       programs that run just now

--- Is a path among those granted, or below a folder that is?
local function granted(list, path, folders)
    for _, one in ipairs(list) do
        local below = folders and one:find("/$") and path:sub(1, #one) == one and not path:find("/%.%.?/")
            and not path:find("/%.%.?$") and not path:find("/$")
        if below or one == path and not (folders and one:find("/$")) then
            return true
        end
    end
    return false
end

local function need(word, value, kind)
    if type(value) ~= kind then
        error(("%s: a %s is expected, this is a %s"):format(word, kind, type(value)), 3)
    end
end

local function may(options, word, grant, path, folders)
    if not granted(options.grant[grant], path, folders) then
        error(("%s: %s is not among the %s that the configuration gives this file"):format(word, path,
            grant == "spawn" and "programs" or grant), 3)
    end
end

--- Opens a file to add to; never what a link leads to, whenever somebody puts one there.
local function open_file(path)
    local found = stat.lstat(path)
    if not found then
        return fcntl.open(path, FLAGS | fcntl.O_CREAT | fcntl.O_EXCL, FILE_MODE)
    elseif stat.S_ISREG(found.st_mode) == 0 then
        return nil, "it is no regular file"
    end
    local fd, why = fcntl.open(path, FLAGS)
    local opened = fd and stat.fstat(fd)
    if opened and (opened.st_ino ~= found.st_ino or opened.st_dev ~= found.st_dev) then
        unistd.close(fd)
        return nil, "another file has taken its place meanwhile"
    end
    return fd, why
end

local function write_line(path, line)
    local fd, why = open_file(path)
    if not fd then
        return nil, why
    end
    local written, wrong = unistd.write(fd, line)
    unistd.close(fd)
    if written and written < #line then
        return nil, "only a part of it could be written"
    end
    return written, wrong
end

--- A line at the end of a file, in one write: lines of several writers do not mix.
local function append(options)
    return function(path, line)
        need("append: path", path, "string")
        need("append: line", line, "string")
        may(options, "append", "files", path, true)
        if #line > LINE_MAX then
            error("append: a line has at most 64 KiB", 2)
        end
        line = line:find("\n$") and line or line .. "\n"
        local ok, why = write_line(path, line)
        if not ok then
            return nil, options.failure("unavailable", ("append to %s: %s"):format(path, why))
        end
        return true
    end
end

local function seconds_of(word, value)
    if value == nil then
        return SECONDS
    end
    local seconds, wrong = units.parse_duration(value)
    if not seconds or seconds <= 0 or seconds > SECONDS_MAX then
        error(("%s: seconds: %s"):format(word, wrong or ("more than 0, at most %d"):format(SECONDS_MAX)), 3)
    end
    return seconds
end

local function posting(options)
    return function(socket, path, body, seconds)
        need("post: socket", socket, "string")
        need("post: path", path, "string")
        need("post: body", body, "string")
        may(options, "post", "sockets", socket)
        return post.send {
            socket = socket, path = path, body = body, seconds = seconds_of("post", seconds),
            waiting = options.waiting, failure = options.failure,
        }
    end
end

local SPAWN = { env = "table", input = "string", seconds = "any" }

local function spawning(options)
    return function(command)
        need("spawn", command, "table")
        local argv = {}
        for i, word in ipairs(command) do
            need("spawn: argument " .. i, word, "string")
            argv[i] = word
        end
        for name, value in pairs(command) do
            local wanted = math.type(name) ~= "integer" and (SPAWN[name] or "none")
            if wanted == "none" then
                error(("spawn: there is no option '%s'"):format(tostring(name)), 2)
            elseif wanted and wanted ~= "any" then
                need("spawn: " .. name, value, wanted)
            end
        end
        need("spawn: program", argv[1], "string")
        may(options, "spawn", "spawn", argv[1])
        return spawn.run {
            argv = argv, env = command.env, input = command.input, seconds = seconds_of("spawn", command.seconds),
            sys = options.sys, waiting = options.waiting, failure = options.failure, running = options.running,
        }
    end
end

--- Runs what a timer has; what it raises goes to the log.
local function run_timer(options, timer)
    if timer.running then
        return options.log("warn", "a timer's last run is not over", { file = options.grant.path })
    end
    timer.running = true
    options.tasks:spawn(function()
        local ok, err = xpcall(timer.fn, raised.traced)
        timer.running = false
        if not ok then
            local why = raised.error_of(err, options.failure).message
            options.log("error", "a timer of automation", { file = options.grant.path, error = why })
        end
    end)
end

--- The timers of a file; they end with it.
local function every(options, running)
    local roll = options.roll or math.random
    return function(period, fn)
        local seconds, wrong = units.parse_duration(period)
        if not seconds or seconds < M.SHORTEST then
            error("every: " .. (wrong or "a second or more"), 2)
        end
        need("every", fn, "function")
        if not options.timers then
            return
        end
        local timer = { fn = fn, running = false }
        running[timer] = true
        local function again()
            timer.due = options.timers:after(seconds * (1 + JITTER * roll()), function()
                again()
                run_timer(options, timer)
            end)
        end
        again()
    end
end

--- Text of a value; the names of an object come in order.
---@param value any
---@return string
function M.json(value)
    local order = {}
    for name in pairs(type(value) == "table" and value or {}) do
        order[#order + 1] = type(name) == "string" and name or nil
    end
    table.sort(order)
    local ok, text = pcall(dkjson.encode, value, { keyorder = order })
    if not ok then
        error("json: it holds what is no data", 2)
    end
    return text
end

--- The words of one file. stop ends its timers.
---@param options moonsnap.automation.WordOptions
---@return table<string, function> words
---@return fun() stop
function M.new(options)
    local running = {}
    local words = {
        append = append(options), post = posting(options), spawn = spawning(options),
        every = every(options, running), json = M.json,
    }
    return words, function()
        for timer in pairs(running) do
            options.timers:cancel(timer.due)
            running[timer] = nil
        end
    end
end

return M
