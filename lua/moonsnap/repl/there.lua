--- A console on a running service: chunks and completion go over its socket, to its Control.

local M = {}

---@class moonsnap.repl.There
---@field store   moonsnap.client.Store
---@field session string   whose globals are used
---@field say     fun(text: string)
---@field scold   fun(text: string)
---@field how     moonsnap.repl.Pretty
---@field stop?   integer  a descriptor that is readable when a chunk shall end
local There = {}
There.__index = There

---@param options {store: moonsnap.client.Store, session: string, say: fun(text: string),
---                scold: fun(text: string), how: moonsnap.repl.Pretty, stop?: integer}
---@return moonsnap.repl.There
function M.new(options)
    return setmetatable({
        store = options.store, session = options.session, say = options.say, scold = options.scold,
        how = options.how, stop = options.stop,
    }, There)
end

--- Runs a chunk there; what it prints is shown as it comes.
---@param text string
---@return boolean ok
function There:run(text)
    local ok, good = true, true
    local ran, raised = pcall(function()
        local asked = { session = self.session, text = text, width = self.how.width, coloured = self.how.coloured }
        for line in self.store:console("repl", asked, self.stop) do
            if line.say then
                self.say(line.say)
            elseif line.scold then
                ok = false
                self.scold(line.scold)
            end
        end
    end)
    if not ran then
        good = false
        self.scold(type(raised) == "table" and raised.kind and ("%s: %s"):format(raised.kind, raised.message)
            or tostring(raised))
    end
    return ok and good
end

---@param line string  up to the cursor
---@return string[] candidates
---@return integer from
function There:complete(line)
    local ok, answer = pcall(function()
        return (self.store:console("repl_complete", { session = self.session, line = line }))()
    end)
    if not ok or not answer then
        return {}, #line + 1
    end
    return answer.candidates, answer.from
end

return M
