--- moonsnap.message: protobuf and Lua tables, rule by rule, and against protoc.
local moonsnap = require "moonsnap"
local world = require "spec.support.world"
local tree = require "spec.support.tree"

local message = moonsnap.message
local SNAPSHOTS = "containerd.services.snapshots.v1."
local info_type = message.type(SNAPSHOTS .. "Info")
local stat = message.type(SNAPSHOTS .. "StatSnapshotRequest")
local update = message.type(SNAPSHOTS .. "UpdateSnapshotRequest")
local mounts = message.type(SNAPSHOTS .. "MountsResponse")
local envelope = message.type("containerd.types.Envelope")

local function refused(kind, text, type, bytes)
    local got, err = type:decode(bytes)
    assert.is_nil(got)
    assert.equal(kind, err.kind)
    assert.matches(text, err.message, 1, true)
end

local function raises(text, type, value)
    local ok, err = pcall(type.encode, type, value)
    assert.is_false(ok)
    assert.matches(text, tostring(err), 1, true)
end

describe("message.type(name)", function()
    it("knows the messages of the service", function()
        for _, name in ipairs { "containerd.services.events.v1.Envelope", "google.protobuf.Empty",
            "grpc.health.v1.HealthCheckResponse", "containerd.events.SnapshotCommit", "moonsnap.v1.CallRequest" } do
            assert.equal("message type " .. name, tostring(message.type(name)))
        end
    end)

    it("raises for another", function()
        assert.error_matches(function() message.type("containerd.types.Nothing") end, "no message type")
    end)
end)

describe("message rules:", function()
    it("what is absent reads as the empty value", function()
        assert.same({ name = "", parent = "", kind = 0, labels = {} }, info_type:decode(""))
        assert.same({ mounts = {} }, mounts:decode(""))
        assert.same({}, message.type("google.protobuf.Empty"):decode(""))
        assert.same({ id = "", sync = false },
            message.type("containerd.services.leases.v1.DeleteRequest"):decode(""))
    end)

    it("empty values are not written", function()
        assert.equal("", info_type:encode { name = "", kind = 0, labels = {} })
        assert.equal("", stat:encode {})
    end)

    it("times are nanoseconds, and nil where int64 does not hold them", function()
        for _, at in ipairs { 0, 1, -1, 1700000000123456789, -1500000000, math.maxinteger, math.mininteger } do
            assert.equal(at, info_type:decode(info_type:encode { created_at = at }).created_at)
        end
        local year_1 = "\x22\x0b\x08\x80\x92\xb8\xc3\x98\xfe\xff\xff\xff\x01" -- seconds -62135596800
        assert.is_nil(assert(info_type:decode(year_1)).created_at)
        local nanos_too_many = "\x22\x08\x08\x01\x10\x80\x94\xeb\xdc\x03"
        assert.is_nil(assert(info_type:decode(nanos_too_many)).created_at)
    end)

    it("masks are sequences, and nil when absent", function()
        assert.is_nil(update:decode("").update_mask)
        assert.same({}, update:decode(update:encode { update_mask = {} }).update_mask)
        assert.same({ "labels.a", "" }, update:decode(update:encode { update_mask = { "labels.a", "" } }).update_mask)
    end)

    it("messages are nil when absent, and keep that they are there", function()
        assert.is_nil(update:decode("").info)
        assert.same({ name = "", parent = "", kind = 0, labels = {} }, update:decode(update:encode { info = {} }).info)
    end)

    it("maps keep empty values and take the last of a name", function()
        local labels = { a = "1", [""] = "x", b = "" }
        assert.same(labels, info_type:decode(info_type:encode { labels = labels }).labels)
        local twice = "\x32\x06\x0a\x01a\x12\x01x" .. "\x32\x06\x0a\x01a\x12\x01y" .. "\x32\x00"
        assert.same({ a = "y", [""] = "" }, info_type:decode(twice).labels)
    end)

    it("of a field that comes twice the last one counts", function()
        assert.equal("b", stat:decode("\x12\x01a\x12\x01b").key)
    end)

    it("bytes may hold anything", function()
        local event = { type_url = "x", value = "\0\xff\0" }
        assert.same(event, envelope:decode(envelope:encode { event = event }).event)
    end)

    it("integers keep their width", function()
        local status = message.type("google.rpc.Status")
        local server = message.type("containerd.services.introspection.v1.ServerResponse")
        assert.equal(-5, status:decode(status:encode { code = -5 }).code)
        assert.equal(1, status:decode("\x08\x81\x80\x80\x80\x10").code) -- the 33rd bit is cut off, as protobuf says
        assert.equal(math.maxinteger, server:decode(server:encode { pidns = math.maxinteger }).pidns)
        raises("32 bits", status, { code = 1 << 31 })
    end)

    it("lists come back in order, however long", function()
        local list = {}
        for i = 1, 300 do
            list[i] = { type = "overlay", source = "s" .. i, target = "", options = { "a", "", "c" .. i } }
        end
        assert.same({ mounts = list }, mounts:decode(mounts:encode { mounts = list }))
    end)

    it("lengths of more than one byte are right at their borders", function()
        for _, size in ipairs { 126, 127, 128, 129, 16382, 16383, 16384, 70000, 2097152 } do
            local key = ("k"):rep(size)
            assert.equal(key, update:decode(update:encode { info = { name = key } }).info.name)
        end
    end)
end)

describe("type:encode(message)", function()
    it("raises for a field that there is none of", function()
        raises("wrong of " .. SNAPSHOTS .. "Info: there is no such field", info_type, { name = "a", wrong = 1 })
        raises("1 of", info_type, { "a" })
        raises("x of " .. SNAPSHOTS .. "Info", update, { info = { x = 1 } })
    end)

    it("raises for values of another type", function()
        raises("a string is wanted, not a number", info_type, { name = 1 })
        raises("a integer is wanted, not a number", info_type, { kind = 1.0 })
        raises("a integer is wanted, not a string", info_type, { created_at = "now" })
        raises("a boolean is wanted", message.type("containerd.services.leases.v1.DeleteRequest"), { sync = 1 })
        raises("a table is wanted", info_type, { labels = "a" })
        raises("a string is wanted", info_type, { labels = { a = true } })
        raises("a string is wanted", info_type, { labels = { "a" } })
        raises("a table is wanted", mounts, { mounts = { "a" } })
        raises("a string is wanted", mounts, { mounts = { { options = { 1 } } } })
    end)

    it("goes on after a refusal", function()
        raises("no such field", info_type, { name = "left over", wrong = 1 })
        assert.equal("\x0a\x01a", info_type:encode { name = "a" })
    end)
end)

describe("type:decode(bytes)", function()
    it("skips what it does not know", function()
        local unknown = "\x78\x05" .. "\x7a\x03abc" .. "\x79\0\0\0\0\0\0\0\0"
            .. "\x7d\0\0\0\0" .. "\xfa\xff\xff\xff\x0f\x00"
        assert.equal("a", stat:decode(unknown .. "\x12\x01a" .. unknown).key)
    end)

    it("skips a known number of another wire type", function()
        assert.equal("", stat:decode("\x10\x05").key)
        assert.equal(0, info_type:decode("\x1a\x01\x05").kind)
    end)

    it("refuses what is no protobuf", function()
        for _, bytes in ipairs {
            "\x12", "\x12\x05abc", "\x80", "\x10\x80", "\x11\0\0", "\x15\0",
            "\x10" .. ("\xff"):rep(9) .. "\x02", -- 65 bits
            "\x10" .. ("\x80"):rep(10) .. "\x00", -- eleven bytes
            "\x13\x14", "\x14", "\x16\x00", "\x17\x00", -- groups, and wire types that there are not
            "\x02\x00", "\x82\x80\x80\x80\x10\x00", -- number 0, and one of 30 bits
            "\x12" .. ("\xff"):rep(9) .. "\x01", -- a length of 2^64 - 1
        } do
            refused("internal", "failed to unmarshal", stat, bytes)
        end
        refused("internal", "failed to unmarshal", info_type, "\x22\x01\x08")
        refused("internal", "failed to unmarshal", info_type, "\x32\x02\x0a\x05")
        refused("internal", "failed to unmarshal", update, "\x12\x02\x0a\x05")
        refused("internal", "failed to unmarshal", update, "\x1a\x02\x0a\x05")
    end)

    it("refuses strings with a NUL or bad UTF-8, wherever they are", function()
        for _, bad in ipairs {
            "a\0b", "\xff", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82", "0123456789\x80", "01234567\0",
        } do
            local text = bad:find("\0", 1, true) and "NUL" or "UTF-8"
            local field = string.char(#bad) .. bad
            refused("invalid_argument", text, stat, "\x12" .. field)
            refused("invalid_argument", text, info_type, "\x32" .. string.char(#bad + 2) .. "\x0a" .. field)
            refused("invalid_argument", text, info_type, "\x32" .. string.char(#bad + 2) .. "\x12" .. field)
            refused("invalid_argument", text, update, "\x1a" .. string.char(#bad + 2) .. "\x0a" .. field)
        end
        local whole = "gr\u{fc}n \u{20ac} \u{1f319} 0123456789"
        assert.equal(whole, stat:decode(stat:encode { key = whole }).key)
    end)

    it("answers for every front part of a message, and for each flipped byte", function()
        local bytes = update:encode {
            snapshotter = "overlayfs", update_mask = { "labels.a" },
            info = { name = "a", parent = "b", kind = 2, created_at = 1700000000123456789, labels = { a = "x" } },
        }
        for i = 0, #bytes do
            local got, err = update:decode(bytes:sub(1, i))
            assert.is_true(got ~= nil or err.kind == "internal")
        end
        for i = 1, #bytes do
            for bit = 0, 7 do
                local flipped = bytes:sub(1, i - 1) .. string.char(bytes:byte(i) ~ 1 << bit) .. bytes:sub(i + 1)
                local got, err = update:decode(flipped)
                assert.is_true(got ~= nil or err.kind == "internal" or err.kind == "invalid_argument")
            end
        end
    end)
end)

describe("messages, beside protoc:", function()
    local PROTOC = "protoc -Isrc/proto -I/usr/include --%s=%s %s < %s/in > %s/out"

    local function protoc(home, way, proto, type, input)
        tree.write(home.dir .. "/in", input)
        assert(os.execute(PROTOC:format(way, type, proto, home.dir, home.dir)))
        return tree.read(home.dir .. "/out")
    end

    local CASES = {
        { "containerd/services/snapshots/v1/snapshots.proto", SNAPSHOTS .. "UpdateSnapshotRequest",
            { snapshotter = "o", info = { name = "n", parent = "p", kind = 3, created_at = -1, updated_at = 5000000007,
                labels = { ["a.b/c"] = "d" } }, update_mask = { "labels", "labels.x" } },
            [[snapshotter: "o" info { name: "n" parent: "p" kind: COMMITTED created_at { seconds: -1 nanos: 999999999 }
              updated_at { seconds: 5 nanos: 7 } labels { key: "a.b/c" value: "d" } }
              update_mask { paths: "labels" paths: "labels.x" }]] },
        { "containerd/services/snapshots/v1/snapshots.proto", SNAPSHOTS .. "UsageResponse",
            { size = 1 << 40, inodes = -1 }, "size: 1099511627776 inodes: -1" },
        { "containerd/services/introspection/v1/introspection.proto",
            "containerd.services.introspection.v1.PluginsResponse",
            { plugins = { { type = "t", id = "i", requires = { "a", "b" }, platforms = { { os = "linux",
                architecture = "amd64", variant = "", os_version = "", os_features = {} } }, exports = { root = "/r" },
                capabilities = {}, init_err = { code = 2, message = "no", details = {} } } } },
            [[plugins { type: "t" id: "i" requires: "a" requires: "b" platforms { os: "linux" architecture: "amd64" }
              exports { key: "root" value: "/r" } init_err { code: 2 message: "no" } }]] },
        { "containerd/services/leases/v1/leases.proto", "containerd.services.leases.v1.CreateRequest",
            { id = "i", labels = { a = "b" } }, [[id: "i" labels { key: "a" value: "b" }]] },
        { "containerd/services/events/v1/events.proto", "containerd.services.events.v1.ForwardRequest",
            { envelope = { timestamp = 1000000000, namespace = "n", topic = "/t",
                event = { type_url = "u", value = "\1\0\xff" } } },
            [[envelope { timestamp { seconds: 1 } namespace: "n" topic: "/t"
              event { type_url: "u" value: "\001\000\377" } }]] },
        { "moonsnap/v1/control.proto", "moonsnap.v1.CallRequest", { verb = "v", arguments = "{}" },
            [[verb: "v" arguments: "{}"]] },
    }

    for _, case in ipairs(CASES) do
        local proto, name, value, text = table.unpack(case)
        it("reads and writes " .. name, function()
            if not tree.exists("/usr/bin/protoc") then
                return pending("needs protoc")
            end
            local home <close> = world.bare()
            local type = message.type(name)
            assert.same(value, type:decode(protoc(home, "encode", proto, name, text)))
            local squeezed = protoc(home, "decode", proto, name, type:encode(value)):gsub("%s+", " ")
            assert.equal((text:gsub("%s+", " ")), (squeezed:gsub(" $", "")))
        end)
    end
end)
