--- What --json prints: the objects of docs/reference/command.md, verb by verb.
local command = require "spec.support.command"
local needs = require "spec.support.needs"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local function setting(options)
    local home = world.new(options)
    return home, command.on(home.root)
end

--- What a value is made of: its fields and their types, for objects; one element's, for arrays.
local function shape(value)
    if type(value) ~= "table" then
        return math.type(value) or type(value)
    end
    local fields = {}
    for name, field in pairs(value) do
        fields[name] = shape(field)
    end
    return fields
end

local SNAPSHOT = {
    name = "string", parent = "string", kind = "string", created = "string", updated = "string", labels = {},
}

local function with(more)
    local fields = {}
    for _, part in ipairs { SNAPSHOT, more } do
        for name, kind in pairs(part) do
            fields[name] = kind
        end
    end
    return fields
end

local MOUNT = { type = "string", source = "string", target = "string", options = { "string" } }

describe("--json", function()
    it("is accepted before the verb", function()
        local _home <close>, moonsnap = setting()
        assert.same({}, moonsnap("--json", "ls"):json())
    end)

    it("writes times as RFC 3339 in UTC with nanoseconds", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%d%d%d%dZ$",
            moonsnap("stat", "a", "--json"):json().created)
    end)

    it("keeps names whole that text would escape", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("two\nlines \27 \"quoted\" größe")
        assert.equal("two\nlines \27 \"quoted\" größe", moonsnap("ls", "--json"):json()[1].name)
    end)
end)

describe("--json of a failure", function()
    it("is an object on standard error with kind, message and what to try", function()
        local _home <close>, moonsnap = setting()
        assert.same({ kind = "string", message = "string", hint = "string" },
            shape(moonsnap("stat", "a", "--json"):failure()))
    end)

    it("has the error's kind", function()
        local _home <close>, moonsnap = setting()
        assert.equal("not_found", moonsnap("stat", "a", "--json"):failure().kind)
    end)

    it("covers a line that is wrong in itself", function()
        local _home <close>, moonsnap = setting()
        assert.equal("invalid_argument", moonsnap("--json", "nonsense"):failure().kind)
    end)

    it("leaves standard output empty", function()
        local _home <close>, moonsnap = setting()
        assert.equal("", moonsnap("stat", "a", "--json").out)
    end)
end)

describe("--json of", function()
    it("ls is an array of snapshots", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        assert.same({ SNAPSHOT }, shape(moonsnap("ls", "--json"):json()))
    end)

    it("ls is an empty array when there are none", function()
        local _home <close>, moonsnap = setting()
        assert.equal("[]\n", moonsnap("ls", "--json").out)
    end)

    it("ls is with =lines a snapshot a line", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        home.store:prepare("b")
        local lines = moonsnap("ls", "--json=lines"):lines()
        assert.same({ 2, true }, { #lines, lines[2]:find('^{"name":"b",.*}$') ~= nil })
    end)

    it("stat is a snapshot and its uses", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        assert.same(with { used = "string", use_count = "integer", damaged = "boolean" },
            shape(moonsnap("stat", "a", "--json"):json()))
    end)

    it("tree is snapshots in drawing order with depth and usage", function()
        local home <close>, moonsnap = setting()
        home:layer("base")
        home.store:prepare("a", "base")
        local fields = with { depth = "integer", size = "integer", inodes = "integer" }
        assert.same({ fields, fields }, shape(moonsnap("tree", "--json"):json()))
    end)

    for _, verb in ipairs { "prepare", "view" } do
        it(verb .. " is the key and its mounts", function()
            local home <close>, moonsnap = setting()
            home:layer("base")
            home:layer("top", "base")
            local answer = moonsnap(verb, "a", "top", "--json"):json()
            answer.mounts[1].options = { answer.mounts[1].options[1] }
            assert.same({ name = "string", mounts = { MOUNT } }, shape(answer))
        end)
    end

    it("mounts is the key and its mounts", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        assert.same(home.store:mounts("a"), moonsnap("mounts", "a", "--json"):json().mounts)
    end)

    it("commit is the snapshot", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        assert.same(SNAPSHOT, shape(moonsnap("commit", "done", "a", "--json"):json()))
    end)

    it("label is the snapshot as it is now", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        assert.same({ x = "1" }, moonsnap("label", "a", "x=1", "--json"):json().labels)
    end)

    it("mount is the snapshot, and alone a list of what is mounted", needs.mounts(function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        local target = home:directory()
        local mounted = moonsnap("mount", "a", target, "--json"):json()
        local list = moonsnap("mount", "--json"):json()
        local gone = moonsnap("umount", target, "--json"):json()
        assert.same({
            SNAPSHOT,
            { { key = "string", namespace = "string", target = "string", pid = "integer", here = "boolean",
                readonly = "boolean" } },
            { target = "string" },
        }, { shape(mounted), shape(list), shape(gone) })
    end))

    it("rm is what was removed", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        assert.same({ removed = { "a" } }, moonsnap("rm", "nothing", "a", "--json"):json())
    end)

    it("touch is what was touched", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        assert.same({ touched = { "a" } }, moonsnap("touch", "a", "--json"):json())
    end)

    it("usage is an array of sizes", function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        assert.same({ { name = "string", size = "integer", inodes = "integer" } },
            shape(moonsnap("usage", "--json"):json()))
    end)

    it("diff is an array of changes", function()
        local home <close>, moonsnap = setting()
        local source = home:directory()
        tree.write(source .. "/file", "x")
        moonsnap("import", "base", source)
        assert.same({ { change = "added", path = "file", type = "file", size = 1 } },
            moonsnap("diff", "base", "--json"):json())
    end)

    it("diff --stat is sums", function()
        local home <close>, moonsnap = setting()
        home:layer("base")
        assert.same({ added = 0, changed = 0, removed = 0, opaque = 0, bytes = 0 },
            moonsnap("diff", "base", "--stat", "--json"):json())
    end)

    it("import is a summary", function()
        local home <close>, moonsnap = setting()
        assert.same({
            name = "string", parent = "string", entries = "integer", bytes = "integer", whiteouts = "integer",
            squashed_owners = "integer", skipped_devices = "integer", skipped_xattrs = "integer",
            skipped_mounts = "integer", note = "string",
        }, shape(moonsnap("import", "base", home:directory(), "--json"):json()))
    end)

    it("run is a line after the command's own output", needs.mounts(function()
        local home <close>, moonsnap = setting()
        home.store:prepare("a")
        local answer = moonsnap("run", "a", "--json", "--at", home:directory(), "--", "sh", "-c", "echo own; exit 4")
        assert.equal('own\n{"key":"a","status":4}\n', answer.out)
    end))

    it("cleanup is counts", function()
        local _home <close>, moonsnap = setting()
        assert.same({
            orphans = 0, abandoned = 0, quarantined = 0, stages = 0, entries = 0, kept = 0,
        }, moonsnap("cleanup", "--json"):json())
    end)

    it("check is an array of findings", function()
        local home <close>, moonsnap = setting()
        home:layer("base")
        tree.remove(home.root .. "/layers/1")
        assert.same({ what = "string", where = "string", repair = "string", repaired = "boolean", serious = "boolean" },
            shape(moonsnap("check", "--json"):json()[1]))
    end)

    it("help is an array of verbs", function()
        assert.same({ name = "string", usage = "string", about = "string" },
            shape(command.on("/nowhere")("help", "--json"):json()[1]))
    end)

    it("version is an object", function()
        assert.same({ version = "string", lua = "string" }, shape(command.on("/nowhere")("version", "--json"):json()))
    end)
end)
