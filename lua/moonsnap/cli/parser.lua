--- The command line: what argparse knows, and the few things it cannot be told.

local argparse = require "argparse"

local columns = require "moonsnap.cli.columns"

local M = {}

local GROUPS = {
    { "Make", "import", "prepare", "view", "commit", "label", "touch", "rm" },
    { "Use", "run", "mount", "umount", "mounts", "lua", "program", "repl" },
    { "Look", "ls", "tree", "stat", "usage", "diff", "watch" },
    { "Hold", "pin", "unpin", "pins", "lease" },
    { "Serve", "serve", "reload" },
    { "Keep house", "gc", "cleanup", "check", "policy", "config", "help", "version" },
}

--- Verbs after whose NAME or FILE everything belongs to another program.
local HANDS_ON = { run = true, lua = true, program = true }

local WIDEST = 100 -- columns that are good to read

local EXITS = "Exit status: 0 fine, 1 failed, 2 used wrongly, 3 not found, 4 exists already, 5 in use or in the wrong "
    .. "state, 6 not permitted, 7 no space or over a limit, 8 damaged. run exits as its command does, or with 125."

--- An option that takes a value; several times when many.
local function valued(parser, valued_names, spec, description, many)
    for name in spec:gmatch("%S+") do
        valued_names[name] = true
    end
    local option = parser:option(spec, description):args(1)
    return many and option:count("*") or option
end

---@class moonsnap.cli.Define
---@field argument fun(name: string, description: string, args?: string)  args: "?", "*" or "+"
---@field flag     fun(names: string, description: string)
---@field option   fun(names: string, description: string, placeholder: string, choices?: string[], target?: string)
---@field options  fun(names: string, description: string, placeholder: string)  may be said several times

--- What a verb defines its part of the command line with.
local function definer(command, valued_names)
    return {
        argument = function(name, description, args)
            command:argument(name, description):args(args or 1):argname(name:upper():gsub("S$", ""))
        end,
        flag = function(names, description)
            command:flag(names, description)
        end,
        option = function(names, description, placeholder, choices, target)
            local option = valued(command, valued_names, names, description):argname(placeholder)
            if choices then
                option:choices(choices)
            end
            if target then
                option:target(target)
            end
        end,
        options = function(names, description, placeholder)
            valued(command, valued_names, names, description, true):argname(placeholder)
        end,
    }
end

--- The examples, which are the first paragraph, below each other.
local function indented(more)
    local examples, rest = more:match("^(.-)(\n\n.*)$")
    return (examples or more):gsub("\n", "\n   ") .. (rest or "")
end

local function global_options(parser, valued_names)
    valued(parser, valued_names, "--root", "The store (MOONSNAP_ROOT; else /var/lib/moonsnap, or the user's own).")
        :argname("DIR")
    valued(parser, valued_names, "--address", "A service's socket in place of a store (MOONSNAP_ADDRESS).")
        :argname("SOCKET")
    valued(parser, valued_names, "--namespace", "Where names live (MOONSNAP_NAMESPACE; else default)."):argname("NAME")
    valued(parser, valued_names, "--driver", "What a new store is: overlay (the default) or native.")
        :argname("DRIVER"):choices({ "overlay", "native" })
    parser:flag("--json", "Print JSON; --json=lines prints lists one element a line.")
    parser:flag("--no-policy", "Leave the store's policy files out, as when one of them is broken.")
    parser:flag("-q --quiet", "Print only what was asked for: names of a list, no progress.")
    parser:flag("-h --help", "Say how a verb is used.")
end

---@class moonsnap.cli.Parser
---@field root    table
---@field verbs   table<string, table>
---@field valued  table<string, true>
local Parser = {}
Parser.__index = Parser

---@param verb_of fun(name: string): moonsnap.cli.Verb
---@return moonsnap.cli.Parser
function M.new(verb_of)
    local root = argparse("moonsnap", "Layered file systems: read-only snapshots, and writable children.", EXITS)
    root:add_help(false):command_target("verb")
    local self = setmetatable({ root = root, verbs = {}, valued = {} }, Parser)
    global_options(root, self.valued)
    for _, names in ipairs(GROUPS) do
        local commands = {}
        for at = 2, #names do
            local verb = verb_of(names[at])
            local command = root:command(names[at], verb.about)
            command:summary(verb.summary):add_help(false):epilog("Like this:\n   " .. indented(verb.more))
            verb.define(definer(command, self.valued))
            self.verbs[names[at]] = command
            commands[#commands + 1] = command
        end
        root:group(names[1], table.unpack(commands))
    end
    return self
end

--- Names of all verbs, in the order of the help.
---@return string[]
function M.verbs()
    local names = {}
    for _, group in ipairs(GROUPS) do
        table.move(group, 2, #group, #names + 1, names)
    end
    return names
end

---@class moonsnap.cli.Line
---@field words string[]                what argparse gets
---@field verb? string
---@field json? "whole" | "lines"
---@field help  boolean
---@field bad?  string                  a message, when it cannot be right

local JSON = { ["--json"] = "whole", ["--json=lines"] = "lines", ["--json=array"] = "whole" }
local ASKS_HELP = { ["-h"] = true, ["--help"] = true }

--- Takes one word that starts with a dash. Answers true when the next word is its value.
local function take_option(self, line, word)
    if JSON[word] then
        line.json = JSON[word]
    elseif word:find("^%-%-json=") then
        line.bad = ("'%s': it is --json or --json=lines"):format(word)
    elseif ASKS_HELP[word] then
        line.help = true
    else
        line.words[#line.words + 1] = word
        return self.valued[word] == true
    end
    return false
end

--- Where the arguments of another program begin, -- goes before them.
local function take_word(line, word, positionals)
    if positionals == 1 then
        line.verb = word
    elseif HANDS_ON[line.verb] and positionals == (line.verb == "run" and 3 or 2) then
        line.words[#line.words + 1] = "--"
        return true
    end
    return false
end

--- Reads what must be known even when the rest is wrong: the verb, --json and --help.
---@param argv string[]
---@return moonsnap.cli.Line
function Parser:read(argv)
    local line = { words = {}, help = false }
    local at, positionals, rest = 1, 0, false
    while at <= #argv and not rest do
        local word = argv[at]
        if word == "--" then
            rest = true
        elseif word:find("^%-.") then
            if take_option(self, line, word) and at < #argv then
                at = at + 1
                line.words[#line.words + 1] = argv[at]
            end
            at = at + 1
        else
            positionals = positionals + 1
            rest = take_word(line, word, positionals)
            if not rest then
                line.words[#line.words + 1] = word
                at = at + 1
            end
        end
    end
    table.move(argv, at, #argv, #line.words + 1, line.words)
    return line
end

--- The options and arguments by name, or nil and what is wrong.
---@param line moonsnap.cli.Line
---@return table? args
---@return string? message
function Parser:parse(line)
    if line.bad then
        return nil, line.bad
    end
    local ok, found = self.root:pparse(line.words)
    if not ok then
        return nil, found
    end
    return found
end

--- As wide as the terminal, where there is one; asked only when something is shown.
local function fit(self)
    local width = math.min(columns.count() or WIDEST, WIDEST)
    self.root:help_max_width(width):usage_max_width(width)
end

--- The help of a verb, or of all.
---@param verb? string
---@return string? help  nil when there is no such verb
function Parser:help(verb)
    local parser = verb == nil and self.root or self.verbs[verb]
    fit(self)
    return parser and parser:get_help()
end

--- The script that completes our words in a shell.
---@param shell "bash" | "zsh" | "fish"
---@return string
function Parser:completion(shell)
    return self.root["get_" .. shell .. "_complete"](self.root)
end

--- One line: how a verb is used.
---@param verb? string
---@return string
function Parser:usage(verb)
    fit(self)
    return (self.verbs[verb] or self.root):get_usage()
end

return M
