--- Who changed what: a line of JSON for every change in a file, and a call to whoever listens at a socket.
---
---     automation("audit.lua", { files = { "/var/log/moonsnap/audit.jsonl" }, sockets = { "/run/audit.sock" } })
---
--- This is automation: the configuration of the service says which files and sockets it may use. Both are fed from
--- the outbox: a listener that is away is called again until it answers, and no change waits for it.

local file = option("file", { type = "string", default = "/var/log/moonsnap/audit.jsonl", doc = "grows by a line" })
local socket = option("socket", { type = "string", default = "/run/audit.sock", doc = "speaks HTTP" })

local function line(event)
    return json {
        at = event.at, cursor = event.cursor, change = event.topic, namespace = event.namespace, key = event.key,
        name = event.name, parent = event.parent, labels = event.labels,
    }
end

hook {
    "audit-file",
    on = "*",
    phase = "after",
    run = function(event) return append(file, line(event) .. "\n") end,
}

hook {
    "audit-webhook",
    on = { "commit", "remove" },
    phase = "after",
    run = function(event) return post(socket, "/changes", line(event)) end,
}
