-- life.lua - prelude: when the present life began (ms), and the mark,
-- which rises with each step that gives out a number. See begin-life.lua.
-- What was born before has lost its last moments: its cursors are void. One record for all: standalone Redis only.
-- Of what was never written so nobody knows what it was: it is named, and nothing is built on it. [STORE-1]
local life_key, mark_key = 'iris:{0}:LIFE', 'iris:{0}:LIFE:MARK'

local life_text, mark_text = unpack(redis.call('MGET', life_key, mark_key))

local function recorded (text, key, limit)
  return whole_of(text or '0', limit) or skip(key)
end

-- A life begins above all marks before: 4096 for each ms, as epochs are. So many that it would seem older no life can give out.
local last_life = 2 ^ 41 - 2 ^ 32 -- in 2039: the marks of all before are below 2^53
local function is_mark_of (began, mark) return mark >= began * 4096 and mark - began * 4096 < 2 ^ 44 end

local life, mark = recorded(life_text, life_key, last_life), recorded(mark_text, mark_key, 2 ^ 53)
local is_recorded = life and mark and is_mark_of(life, mark)
if life and mark and not is_recorded then skip(mark < life * 4096 and mark_key or life_key) end
life, mark = life or 0, mark or 0
