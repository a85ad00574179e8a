--- A subscriber that does not read costs bounded memory, and is told where its events end.
local exchange = require "moonsnap.service.exchange"
local moonsnap = require "moonsnap"

local function publish(events, number, size)
    events:publish {
        timestamp = number, namespace = "n", topic = "/t", event = { type_url = "x", value = ("x"):rep(size or 1) },
    }
end

describe("a subscriber that fell behind", function()
    it("gets all until there, and nothing from behind a gap", function()
        local events = exchange.new(moonsnap.message)
        local subscriber = events:subscribe()
        local published, got = 0, 0
        repeat
            published = published + 1
            publish(events, published)
        until subscriber.lost
        for _ = 1, 10 do
            got = got + 1
            assert.equal(got, exchange.take(subscriber).timestamp)
        end
        publish(events, published + 1)
        for envelope in exchange.take, subscriber do
            got = got + 1
            assert.equal(got, envelope.timestamp)
        end
        assert.equal(published - 1, got)
        assert.is_true(subscriber.lost)
    end)

    it("has bytes enough to be behind when its events are large", function()
        local events = exchange.new(moonsnap.message)
        local subscriber = events:subscribe()
        for number = 1, 200 do
            publish(events, number, 1 << 20)
        end
        assert.is_true(subscriber.lost)
        local bytes = 0
        for envelope in exchange.take, subscriber do
            bytes = bytes + #envelope.event.value
        end
        assert.is_true(bytes <= 80 << 20)
    end)

    it("is not behind when it reads what is large", function()
        local events = exchange.new(moonsnap.message)
        local subscriber = events:subscribe()
        for number = 1, 200 do
            publish(events, number, 1 << 20)
            assert.equal(number, exchange.take(subscriber).timestamp)
        end
        assert.is_false(subscriber.lost)
        assert.equal(0, subscriber.bytes)
    end)
end)
