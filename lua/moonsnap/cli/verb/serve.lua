--- serve: containerd's Snapshots API on a unix socket.

local unistd = require "posix.unistd"

local log = require "moonsnap.service.process.log"
local sink = require "moonsnap.service.process.sink"

local LEVELS = { "error", "warn", "info", "debug" }

--- The log that the options ask for: on standard error, for people when that is a terminal.
local function log_of(call)
    local terminal = unistd.isatty(2) == 1
    local plain = os.getenv("TERM") == "dumb" or (os.getenv("NO_COLOR") or "") ~= ""
    return log.new {
        stream = sink.new(2), format = call.args.log_format or terminal and "text" or "json",
        level = call.args.log_level or "info", now = call.moonsnap.sys.now, coloured = terminal and not plain,
    }
end

local function seconds_of(call)
    local grace = call.args.grace and tonumber(call.args.grace)
    if call.args.grace and (not grace or grace < 0) then
        return nil, call.moonsnap.error("invalid_argument", ("--grace '%s': it is seconds"):format(call.args.grace))
    end
    return grace
end

---@type moonsnap.cli.Verb
return {
    summary = "serve containerd's Snapshots API on a socket",
    about = "Serves the store to containerd (mode proxy: containerd has moonsnap as a proxy plugin) or to clients of "
        .. "containerd's own (mode direct: namespaces, leases) until it gets SIGTERM. SIGHUP reads the configuration "
        .. "file again.",
    more = "moonsnap serve --root /var/lib/moonsnap --address /run/moonsnap/moonsnap.sock\n"
        .. "moonsnap serve --mode direct --config /etc/moonsnap/config.lua --metrics 127.0.0.1:9095",
    define = function(define)
        define.option("--address", "The socket to make (else /run/moonsnap/moonsnap.sock, for others than root "
            .. "$XDG_RUNTIME_DIR/moonsnap.sock); a socket passed by systemd is used instead.", "SOCKET",
            nil, "socket")
        define.option("--mode", "proxy (the default): containerd is in front; direct: clients are.", "MODE",
            { "proxy", "direct" })
        define.option("--config", "The configuration file, a Lua program; it is read again on SIGHUP.", "FILE")
        define.option("--durability", "Of commits: metadata (the default), layer or full.", "LEVEL",
            { "metadata", "layer", "full" })
        define.option("--metrics", "Serve Prometheus metrics on unix:PATH or a loopback HOST:PORT.", "ADDRESS")
        define.option("--grace", "Seconds that calls have to end after SIGTERM; 10.", "SECONDS")
        define.option("--log-level", "What is logged: error, warn, info (the default) or debug.", "LEVEL", LEVELS)
        define.option("--log-format", "text (the default on a terminal) or json.", "FORMAT", { "text", "json" })
    end,
    run = function(call)
        local args = call.args
        local grace, wrong = seconds_of(call)
        if wrong then
            return nil, wrong
        end
        local root, err = call:root()
        if not root then
            return nil, err
        end
        call:enter()
        call:make_way(root)
        local ok
        ok, err = require("moonsnap.service.process").run {
            moonsnap = call.moonsnap, log = log_of(call), root = root,
            address = args.socket or args.address, -- after the verb, or before it
            machine = not call.ordinary and call.moonsnap.sys.in_initial_user_namespace(),
            mode = args.mode, config = args.config, name_space = args.namespace, driver = args.driver,
            durability = args.durability, metrics = args.metrics, grace = grace, policy = not args.no_policy and nil,
        }
        return ok and 0 or nil, err
    end,
}
