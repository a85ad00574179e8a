--- The engine in this process, with the overlay driver, under the contract.
local contract = require "spec.contract.snapshotter"
local world = require "spec.support.world"

contract("the engine with overlay", function(options)
    local bench = world.new(options)
    bench.driver = "overlay"
    return bench
end, { driver = "overlay" })
