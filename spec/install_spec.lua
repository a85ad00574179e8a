--- What packagers do: a rock from a clean tree, and an installation that stands on its own.
local process = require "spec.support.process"
local tree = require "spec.support.tree"
local unistd = require "posix.unistd"
local world = require "spec.support.world"

-- What belongs to a source tree: no build folder comes along.
local SOURCES = { "CMakeLists.txt", "LICENSE", "bin", "examples", "lua", "rocks", "src" }

-- Only luaposix and what Lua finds by itself: nothing of this checkout is in reach.
local function without_checkout(variable)
    local kept = {}
    for path in os.getenv(variable):gmatch("[^;]+") do
        if path:find("/build/deps/", 1, true) then
            kept[#kept + 1] = path
        end
    end
    return table.concat(kept, ";") .. ";;"
end

local OUTSIDE = {
    LUA_PATH = without_checkout "LUA_PATH",
    LUA_CPATH = without_checkout "LUA_CPATH",
    MOONSNAP_BUILD = "/nonexistent",
}

local function copy_of_sources(home)
    local dir = home:directory()
    local argv = { "cp", "-R", "--", table.unpack(SOURCES) }
    argv[#argv + 1] = dir
    process.must(table.unpack(argv))
    return dir
end

-- Makes a store and a snapshot with an installed command, and answers what it lists.
local function use(command, root, env)
    local made, status = process.run({ command, "--root", root, "prepare", "a" }, env)
    assert.equal(0, status, made)
    local listed = process.run({ command, "--root", root, "--json", "ls" }, env)
    return listed
end

-- What `luarocks path` says of a tree.
local function in_tree(rocks)
    return {
        LUA_PATH = ("%s/share/lua/5.4/?.lua;%s/share/lua/5.4/?/init.lua;%s"):format(rocks, rocks, OUTSIDE.LUA_PATH),
        LUA_CPATH = ("%s/lib/lua/5.4/?.so;%s"):format(rocks, OUTSIDE.LUA_CPATH),
    }
end

describe("a rock #slow", function()
    it("is made from a clean tree without a network, and its command works", function()
        local home <close> = world.bare()
        local rocks = home:directory()
        local make = ("cd '%s' && luarocks --lua-version=5.4 make --deps-mode=none --tree='%s' rocks/*.rockspec")
            :format(copy_of_sources(home), rocks)
        process.must("sh", "-c", make)
        assert.matches('"name" *: *"a"', use(rocks .. "/bin/moonsnap", home.root, in_tree(rocks)))
    end)
end)

describe("cmake --install #slow", function()
    local home, prefix
    setup(function()
        home = world.bare()
        local source = copy_of_sources(home)
        prefix = home:directory()
        tree.write(tree.mkdir(source .. "/build/deps/share/posix") .. "/init.lua", "")
        tree.write(tree.mkdir(source .. "/build/deps/lib/posix") .. "/errno.so", "")
        process.must("cmake", "-S", source, "-B", source .. "/b", "-G", "Ninja", "-DBUILD_TESTING=OFF",
            "-DCMAKE_BUILD_TYPE=RelWithDebInfo")
        process.must("cmake", "--build", source .. "/b")
        process.must("cmake", "--install", source .. "/b", "--prefix", prefix)
    end)
    teardown(function() home:close() end)

    it("puts a command in its prefix that works, through a symbolic link too", function()
        local link = home.dir .. "/link"
        assert(unistd.link(prefix .. "/bin/moonsnap", link, true))
        assert.matches('"name" *: *"a"', use(link, home.root, OUTSIDE))
    end)

    it("has the seven policies, each with its spec", function()
        local found = tree.list(prefix .. "/share/moonsnap/policies")
        assert.equal(14, #found, table.concat(found, " "))
        assert.is_true(tree.exists(prefix .. "/share/moonsnap/policies/tenants_spec.lua"))
    end)

    it("takes along the luaposix that was fetched, to where nobody else looks", function()
        assert.same({ "init.lua" }, tree.list(prefix .. "/share/moonsnap/posix"))
        assert.same({ "errno.so" }, tree.list(prefix .. "/lib/moonsnap/posix"))
    end)
end)

describe("bin/moonsnap in a checkout", function()
    it("finds its modules through a symbolic link and from another directory", function()
        local home <close> = world.bare()
        local link = home.dir .. "/link"
        assert(unistd.link(assert(unistd.getcwd()) .. "/bin/moonsnap", link, true))
        local env = {
            LUA_PATH = OUTSIDE.LUA_PATH, LUA_CPATH = OUTSIDE.LUA_CPATH,
            MOONSNAP_BUILD = os.getenv("MOONSNAP_BUILD"), ASAN_OPTIONS = process.asan_options(),
        }
        local output, status = process.run({ "sh", "-c", ("cd / && exec '%s' version"):format(link) }, env)
        assert.equal(0, status, output)
    end)

    it("says what to build when nothing is built", function()
        local env = { LUA_PATH = OUTSIDE.LUA_PATH, LUA_CPATH = OUTSIDE.LUA_CPATH, MOONSNAP_BUILD = "/nonexistent" }
        local output, status = process.run({ "bin/moonsnap", "version" }, env)
        assert.same({ 1, "moonsnap: there is no Lua module moonsnap.core\ntry: ./run build, which builds it\n" },
            { status, output })
    end)
end)
