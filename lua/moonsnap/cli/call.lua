--- One call of the command: its arguments, its store, its output, and how it reports failures.

local stat = require "posix.sys.stat"
local unistd = require "posix.unistd"

local failure = require "moonsnap.cli.failure"
local json = require "moonsnap.cli.json"
local readable = require "moonsnap.readable"
local text = require "moonsnap.cli.text"

local M = {}

---@class moonsnap.cli.Verb
---@field summary string                                   for the list of verbs
---@field about   string
---@field more?   string                                   examples, after the help
---@field define  fun(define: moonsnap.cli.Define)
---@field run     fun(call: moonsnap.cli.Call): integer?, moonsnap.Error?  exit status (nil: 0); with err, it failed
---@field status? integer                                  exit status of any failure

---@class moonsnap.cli.Call
---@field verb     string
---@field args     table<string, any>
---@field out      moonsnap.cli.Output
---@field moonsnap table
---@field parser   moonsnap.cli.Parser
---@field store?   moonsnap.Store        once it is open
---@field ordinary boolean               started by a user who is not root
local Call = {}
Call.__index = Call

---@param fields table
---@return moonsnap.cli.Call
function M.new(fields)
    fields.ordinary = unistd.geteuid() ~= 0
    return setmetatable(fields, Call)
end

local function nonempty(value)
    return value ~= "" and value or nil
end

--- The store's directory when nothing names one: the machine's for its root, else the user's own.
local function default_root(sys)
    if unistd.geteuid() == 0 and sys.in_initial_user_namespace() then
        return "/var/lib/moonsnap"
    end
    local data = nonempty(os.getenv("XDG_DATA_HOME"))
    local home = nonempty(os.getenv("HOME"))
    data = data or (home and home .. "/.local/share")
    return data and data .. "/moonsnap"
end

local function make_parents(path)
    local parent = path:match("^(.+)/[^/]+$")
    if parent and not stat.stat(parent) then
        make_parents(parent)
        stat.mkdir(parent, 448)
    end
end

--- Where the store is: --root, MOONSNAP_ROOT, or the default.
---@return string? root
---@return moonsnap.Error? err
function Call:root()
    local root = self.args.root or nonempty(os.getenv("MOONSNAP_ROOT")) or default_root(self.moonsnap.sys)
    if not root then
        return nil, self.moonsnap.error("invalid_argument", "neither --root nor HOME says where the store is")
    end
    return root
end

--- The service's socket that stands for the store: --address, or MOONSNAP_ADDRESS unless --root says otherwise.
---@return string? address
function Call:address()
    return self.args.address or not self.args.root and nonempty(os.getenv("MOONSNAP_ADDRESS")) or nil
end

--- Makes the directories above a root that nobody named.
---@param root string
function Call:make_way(root)
    if not self.args.root then
        make_parents(root)
    end
end

---@return string
function Call:name_space()
    return self.args.namespace or nonempty(os.getenv("MOONSNAP_NAMESPACE")) or "default"
end

--- An ordinary user works as root of a user namespace, so that layers can be mounted and read. Where
--- that is refused the engine does what it can without, and says what it cannot.
function Call:enter()
    if self.ordinary then
        self.moonsnap.sys.enter_user_namespace()
    end
end

local SNAPSHOTTERS = { overlay = "overlayfs", native = "native" }

local function connect(self, address)
    if self.args.root then
        return nil, self.moonsnap.error("invalid_argument", "either --root or --address: a service has its own root")
    end
    return self.moonsnap.connect {
        address = address, namespace = self:name_space(), snapshotter = SNAPSHOTTERS[self.args.driver],
    }
end

--- Opens the store, or connects to the service that has it; only verbs that add to a store make it.
---@param options? {create?: boolean}
---@return moonsnap.Store? store
---@return moonsnap.Error? err
function Call:open(options)
    local address = self:address()
    if address then
        local connected, why = connect(self, address)
        self.store = connected
        return connected, why
    end
    local root, err = self:root()
    if not root then
        return nil, err
    end
    local create = options ~= nil and options.create or false
    self:enter()
    if create then
        self:make_way(root)
    end
    local policy
    if self.args.no_policy then
        policy = false
    end
    local store
    store, err = self.moonsnap.open {
        root = root, driver = self.args.driver, namespace = self:name_space(), create = create, door = "command",
        policy = policy, log = function(words) self:say(words) end,
    }
    self.store = store
    return store, err
end

--- What a policy says with log(): for people, and not among the answers.
---@param words string
function Call:say(words)
    self.out:erase()
    self.out.errors:write("moonsnap: policy: ", text.plain(readable.repaired(words)), "\n")
end

function Call:close()
    self.out:erase()
    if self.store then
        self.store:close()
        self.store = nil
    end
end

--- Writes an error (and what to try next) to standard error.
---@param err moonsnap.Error
---@param key? string  the snapshot that it is about
---@return integer status  to exit with
function Call:report(err, key)
    local out = self.out
    out:erase()
    out.out:flush() -- what was said before stands before it, in a file of both, too
    local hint = failure.hint(self, err, key)
    if out.json then
        local object = { kind = err.kind, message = readable.repaired(err.message), hint = hint }
        out.errors:write(json.encode({ error = object }), "\n")
    else
        local message = text.plain(failure.message(self.verb, err.message))
        if err.trace and err.trace:find(err.message, 1, true) then -- a sandbox's says only where
            message = err.trace:gsub("[^\n]+", text.plain)
        end
        out.errors:write(("moonsnap: %s: %s\n"):format(self.verb, message))
        if hint then
            out.errors:write(("try: %s\n"):format(hint))
        end
    end
    return failure.status(err.kind)
end

--- The labels of --label NAME=VALUE (or of such words).
---@param words? string[]
---@param what? string  what they are to an error, without: labels
---@return table<string, string>? labels  nil when there are none
---@return moonsnap.Error? err
function Call:labels(words, what)
    if not words or #words == 0 then
        return nil
    end
    local labels = {}
    for _, word in ipairs(words) do
        local name, value = word:match("^([^=]+)=(.*)$")
        if not name then
            return nil, self.moonsnap.error("invalid_argument",
                ("%s '%s': it is NAME=VALUE"):format(what or "label", word))
        end
        labels[name] = value
    end
    return labels
end

--- Does something for each key, reporting those that fail and going on.
---@param keys string[]
---@param act fun(key: string): any, moonsnap.Error?  nil, err on failure
---@return string[] done
---@return integer? status  of the first that failed
function Call:each(keys, act)
    local done, status = {}, nil
    for _, key in ipairs(keys) do
        local ok, err = act(key)
        if ok then
            done[#done + 1] = key
        else
            local failed = self:report(err --[[@as moonsnap.Error]], key)
            status = status or failed
        end
    end
    return done, status
end

return M
