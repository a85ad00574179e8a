--- The units of contrib/systemd say what the command understands and where it looks.
local command = require "spec.support.command"
local listen = require "moonsnap.service.process.listen"
local tree = require "spec.support.tree"

--- A unit's settings by section; a setting said several times is a list joined by newlines.
local function read(name)
    local sections, at = {}, nil
    for line in tree.read("contrib/systemd/" .. name):gmatch("[^\n]+") do
        local heading = line:match("^%[(%a+)%]$")
        local key, value = line:match("^(%a+)=(.*)$")
        if heading then
            at = heading
            sections[at] = {}
        elseif key then
            local before = sections[at][key]
            sections[at][key] = before and before .. "\n" .. value or value
        else
            assert.is_truthy(line:find("^#"), line)
        end
    end
    return sections
end

local service, socket = read "moonsnap.service", read "moonsnap.socket"

describe("moonsnap.service", function()
    it("starts the command as it is, up to the root that it may not make", function()
        local words = {}
        for word in service.Service.ExecStart:gmatch("%S+") do
            words[#words + 1] = word
        end
        assert.equal("/usr/bin/moonsnap", words[1])
        words[1] = "bin/moonsnap"
        for at, word in ipairs(words) do
            words[at] = word == "/var/lib/moonsnap" and "/dev/null/moonsnap" or word
        end
        table.move({ "--address", "/dev/null/socket" }, 1, 2, #words + 1, words)
        local answer = command.run(words)
        assert.is_truthy(answer.err:find("/dev/null", 1, true), answer.err)
        assert.is_nil(answer.err:find("Usage", 1, true), answer.err)
    end)

    it("is told of by what the command tells", function()
        assert.equal("notify", service.Service.Type)
        assert.equal("main", service.Service.NotifyAccess)
        assert.equal("/bin/kill -HUP $MAINPID", service.Service.ExecReload)
        assert.is_not_nil(service.Service.WatchdogSec)
        assert.is_true(tonumber(service.Service.TimeoutStopSec:match("^(%d+)s$")) > 10)
    end)

    it("may keep what any root file system holds", function()
        local caps = " " .. service.Service.CapabilityBoundingSet .. " "
        for _, cap in ipairs { "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP", "SYS_ADMIN" } do
            assert.is_truthy(caps:find(" CAP_" .. cap .. " ", 1, true), cap)
        end
        for _, forbids in ipairs { "PrivateDevices", "RestrictSUIDSGID", "PrivateUsers", "UMask" } do
            assert.is_nil(service.Service[forbids])
        end
    end)

    it("owns the directories of its root and its socket, which outlives a restart", function()
        assert.equal("moonsnap", service.Service.StateDirectory)
        assert.equal("moonsnap", service.Service.RuntimeDirectory)
        assert.equal("yes", service.Service.RuntimeDirectoryPreserve)
    end)
end)

describe("moonsnap.socket", function()
    it("is where clients look, for root only", function()
        assert.equal(listen.default(true, os.getenv), socket.Socket.ListenStream)
        assert.equal("0600", socket.Socket.SocketMode)
    end)
end)
