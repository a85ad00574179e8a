--- The pages: links lead somewhere, and what docs/service.md shows as a configuration is one.
local caller = require "spec.support.caller"
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local process = require "spec.support.process"
local service = require "spec.support.service"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

--- A heading's anchor, as GitHub has it.
local function anchor_of(heading)
    return heading:lower():gsub("[^%w%s_-]", ""):gsub("%s", "-")
end

local function has_anchor(page, anchor)
    for heading in ("\n" .. tree.read(page)):gmatch("\n#+ ([^\n]+)") do
        if anchor_of(heading) == anchor then
            return true
        end
    end
    return false
end

local function pages()
    return process.must("find", "docs", "examples", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "-name", "*.md")
        :gmatch("[^\n]+")
end

--- The Lua of a page, block by block.
local function blocks_of(page)
    local blocks = {}
    for block in tree.read(page):gmatch("\n```lua\n(.-)\n```") do
        blocks[#blocks + 1] = block
    end
    return blocks
end

describe("links between pages", function()
    it("lead to files and headings that are there", function()
        local broken = {}
        for page in pages() do
            for link in tree.read(page):gmatch("%]%(([^%)%s]+)%)") do
                local path, anchor = link:match("^([^#]*)#?(.*)$")
                local target = path == "" and page or (page:match("^(.*/)") or "") .. path
                local there = link:find("^%w+:") or tree.exists(target) and (anchor == "" or has_anchor(target, anchor))
                if not there then
                    broken[#broken + 1] = page .. ": " .. link
                end
            end
        end
        assert.same({}, broken)
    end)
end)

describe("what pages show as Lua", function()
    it("is Lua", function()
        local wrong = {}
        for page in pages() do
            for at, block in ipairs(blocks_of(page)) do
                local ok, why = load(block, ("=%s, block %d"):format(page, at), "t")
                wrong[#wrong + 1] = not ok and why or nil
            end
        end
        assert.same({}, wrong)
    end)
end)

describe("docs/service.md", function()
    it("shows configurations that do what it says", function()
        local served <close> = service.new { mode = "direct" }
        local text = table.concat(blocks_of("docs/service.md"), "\n")
        served:configure((text:gsub("/var/lib/moonsnap%-native", served.dir .. "/native")))
        served:start()

        local store <close> = assert(moonsnap.connect { address = served.address })
        assert.same({ greeting = "hello you" }, store:ask("greet", { name = "you" }))
        assert(store:prepare("work"))
        local labels = assert(store:stat("work")).labels
        assert.equal("a7", labels["example.com/node"])
        assert.equal(assert(store:layers("work"))[1], labels["containerd.io/snapshot/overlay.upperdir"])

        local to <close> = caller.new(served.address)
        local said = assert(to:call("/example.Hello/Say", "google.protobuf.Empty", {},
            "containerd.services.version.v1.VersionResponse"))
        assert.matches("^hello %d+$", said.version)
        local _, err = store:leases():list()
        assert.equal("unimplemented", err.kind)
        local native <close> = assert(moonsnap.connect { address = served.address, snapshotter = "native" })
        assert(native:prepare("copy"))
    end)
end)

describe("docs/containerd.md", function()
    it("shows a policy that refuses images of a registry", function()
        local home <close> = world.bare()
        tree.mkdir(home.root)
        tree.write(home.root .. "/policy.lua", blocks_of("docs/containerd.md")[1], 384)
        home.store = assert(home:open())
        local function prepare(key, image)
            return home.store:prepare(key, nil, { labels = { ["containerd.io/snapshot/cri.image-ref"] = image } })
        end
        expect.fails_saying("permission_denied", "images come from registry.example.com here",
            prepare("a", "docker.io/library/busybox:latest"))
        assert(prepare("b", "docker-io.example.com/busybox"))
        assert(prepare("c"))
    end)
end)
