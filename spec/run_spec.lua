local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails = expect.fails

local BUSYBOX = "/bin/busybox" -- static: a root of one file

--- As it, where commands can be run.
local function running(text, fn)
    it(text, needs.mounts(fn))
end

--- A world with a committed "base" in which sh works, and an active "work" on it.
local function with_shell(options)
    if not tree.exists(BUSYBOX) then
        pending("needs busybox-static")
    end
    local home = world.new(options)
    local root = tree.mkdir(home.dir .. "/tree")
    for _, name in ipairs { "bin", "proc", "dev" } do
        tree.mkdir(root .. "/" .. name)
    end
    tree.write(root .. "/bin/busybox", tree.read(BUSYBOX), 493)
    for _, name in ipairs { "sh", "cat", "ls", "sleep", "kill" } do
        tree.symlink("busybox", root .. "/bin/" .. name)
    end
    assert(home.store:import("base", root))
    assert(home.store:prepare("work", "base"))
    return home
end

local function sh(home, name, script, options)
    return home.store:run(name, { "/bin/sh", "-c", script }, options)
end

--- What an active or committed snapshot has at path; nil when nothing is there.
local function content(home, name, path)
    assert(home.store:view("looking", name))
    local found = home:mounted("looking", function(at) return tree.read(at .. path) end)
    assert(home.store:remove("looking"))
    return found
end

for _, driver in ipairs { "overlay", "native" } do
    describe("store:run(name, argv) on " .. driver .. " #root", function()
        running("answers the command's status", function()
            local home <close> = with_shell { driver = driver }
            assert.equal(3, assert(sh(home, "work", "exit 3")).status)
        end)

        running("answers 128 and the number of a signal", function()
            local home <close> = with_shell { driver = driver }
            assert.equal(128 + 9, assert(sh(home, "work", "kill -9 $$")).status)
        end)

        running("makes the snapshot the command's root", function()
            local home <close> = with_shell { driver = driver }
            assert.equal(0, assert(sh(home, "work", "[ ! -e " .. home.dir .. " ]")).status)
        end)

        running("keeps what an active got", function()
            local home <close> = with_shell { driver = driver }
            assert(sh(home, "work", "echo kept > /file"))
            assert(home.store:commit("done", "work"))
            assert.equal("kept\n", content(home, "done", "/file"))
        end)

        running("throws the child of a committed one away", function()
            local home <close> = with_shell { driver = driver }
            local ran = assert(sh(home, "base", "echo lost > /file"))
            assert.same({ status = 0, key = "" }, ran)
            assert.same({ "base", "work" }, expect.names(home.store:walk()))
        end)

        running("keeps a throw-away that exits 0 as the committed snapshot that was asked for", function()
            local home <close> = with_shell { driver = driver }
            assert(sh(home, "base", "echo kept > /file", { commit = "built", labels = { step = "one" } }))
            assert.equal("kept\n", content(home, "built", "/file"))
            assert.same({ step = "one" }, home.store:stat("built").labels)
        end)

        running("keeps nothing when the command fails", function()
            local home <close> = with_shell { driver = driver }
            local ran = assert(sh(home, "base", "exit 1", { commit = "built" }))
            assert.same({ status = 1, key = "" }, ran)
            assert.same({ "base", "work" }, expect.names(home.store:walk()))
        end)

        running("refuses every write with readonly", function()
            local home <close> = with_shell { driver = driver }
            local ran = assert(sh(home, "base", "exec 2>/dev/null; echo x > /file", { readonly = true }))
            assert.not_equal(0, ran.status)
        end)

        running("runs in an active through the mount that it has", function()
            local home <close> = with_shell { driver = driver }
            home:mounted("work", function(at)
                assert(sh(home, "work", "echo seen > /file"))
                assert.equal("seen\n", tree.read(at .. "/file"))
            end)
        end)
    end)
end

describe("store:run(name, argv, options) #root", function()
    running("replaces the environment", function()
        local home <close> = with_shell()
        local ran = assert(sh(home, "work", '[ "$A" = b ] && [ -z "$HOME" ]', { env = { A = "b", PATH = "/bin" } }))
        assert.equal(0, ran.status)
    end)

    running("starts in workdir", function()
        local home <close> = with_shell()
        assert.equal(0, assert(sh(home, "work", '[ "$PWD" = /bin ]', { workdir = "/bin" })).status)
    end)

    running("binds a directory of the host", function()
        local home <close> = with_shell()
        local shared = home:directory()
        assert(sh(home, "work", "echo out > /shared/file", { binds = { shared .. ":/shared" } }))
        assert.equal("out\n", tree.read(shared .. "/file"))
    end)

    running("refuses writes to what is bound ro", function()
        local home <close> = with_shell()
        local binds = { home:directory() .. ":/shared:ro" }
        local ran = assert(sh(home, "work", "exec 2>/dev/null; echo x > /shared/file", { binds = binds }))
        assert.not_equal(0, ran.status)
    end)

    running("stays in the host's tree with at", function()
        local home <close> = with_shell()
        local at = home:directory()
        local ran = assert(sh(home, "work", ("[ -e %s ] && echo x > %s/file"):format(home.root, at), { at = at }))
        assert.equal(0, ran.status)
        assert.is_nil(tree.read(at .. "/file"), "the mount is the command's alone")
    end)

    running("gives the command /proc and /dev/null", function()
        local home <close> = with_shell()
        assert.equal(0, assert(sh(home, "work", "[ -e /proc/self ] && echo x > /dev/null")).status)
    end)

    running("leaves nothing of them in the layer", function()
        local home <close> = with_shell()
        assert(sh(home, "work", "exit 0"))
        local changes = {}
        for change in assert(home.store:diff("work")) do
            changes[#changes + 1] = change.path
        end
        assert.same({}, changes)
    end)

    running("counts a use", function()
        local home <close> = with_shell()
        local before = home.store:stat("work").use_count
        assert(sh(home, "work", "exit 0"))
        assert.equal(before + 1, home.store:stat("work").use_count)
    end)
end)

describe("store:run, given nonsense, #root", function()
    running("answers not_found for a command that is not there", function()
        local home <close> = with_shell()
        fails("not_found", home.store:run("work", { "/bin/missing" }))
    end)

    running("removes the throw-away of a command that is not there", function()
        local home <close> = with_shell()
        fails("not_found", home.store:run("base", { "/bin/missing" }))
        assert.same({ "base", "work" }, expect.names(home.store:walk()))
    end)

    running("answers not_found for a snapshot that is not there", function()
        local home <close> = with_shell()
        fails("not_found", sh(home, "missing", "exit 0"))
    end)

    running("answers already_exists before it runs anything for a name that is taken", function()
        local home <close> = with_shell()
        local shared = home:directory()
        fails("already_exists", sh(home, "base", "echo x > /shared/ran",
            { commit = "work", binds = { shared .. ":/shared" } }))
        assert.is_nil(tree.read(shared .. "/ran"))
    end)

    running("answers invalid_argument without a command", function()
        local home <close> = with_shell()
        fails("invalid_argument", home.store:run("work", {}))
    end)

    running("answers invalid_argument for a bind that is none", function()
        local home <close> = with_shell()
        fails("invalid_argument", sh(home, "work", "exit 0", { binds = { "/tmp:/x:maybe" } }))
    end)

    running("answers invalid_argument when an active is to be kept under another name", function()
        local home <close> = with_shell()
        fails("invalid_argument", sh(home, "work", "exit 0", { commit = "new" }))
    end)

    running("answers failed_precondition inside a transaction", function()
        local home <close> = with_shell()
        fails("failed_precondition", home.store:transaction(function() return sh(home, "work", "exit 0") end))
    end)

    running("answers not_found for a directory that is not there to run at", function()
        local home <close> = with_shell()
        fails("not_found", sh(home, "work", "exit 0", { at = home.dir .. "/missing" }))
    end)
end)

--- Calls fn while another process runs a command in work.
local function while_running(home, fn)
    local shared = home:directory()
    local script = ([[
        local moonsnap = require "moonsnap"
        local store = assert(moonsnap.open { root = %q })
        assert(store:run("work", { "/bin/sh", "-c", "echo ready; while [ ! -e /shared/stop ]; do sleep 0.02; done" },
            { binds = { %q } }))
    ]]):format(home.root, shared .. ":/shared")
    tree.write(home.dir .. "/runner.lua", script)
    local runner = assert(io.popen("exec lua5.4 " .. home.dir .. "/runner.lua"))
    assert.equal("ready", runner:read("l"))
    local ok, err = pcall(fn)
    tree.write(shared .. "/stop", "")
    runner:close()
    if not ok then
        error(err, 0)
    end
end

describe("while a command runs in an active #root", function()
    running("is refused to another writer", function()
        local home <close> = with_shell()
        while_running(home, function() fails("failed_precondition", sh(home, "work", "exit 0")) end)
    end)

    running("is refused to commit", function()
        local home <close> = with_shell()
        while_running(home, function() fails("failed_precondition", home.store:commit("done", "work")) end)
    end)

    running("is listed as mounted", function()
        local home <close> = with_shell()
        while_running(home, function()
            assert(home.store:touch("work")) -- waits for the write that records the run
            local mounted = assert(home.store:mounted())
            assert.equal(1, #mounted)
            assert.equal("work", mounted[1].key)
        end)
    end)

    running("is free again afterwards", function()
        local home <close> = with_shell()
        while_running(home, function() end)
        assert.same({}, home.store:mounted())
    end)
end)
