-- begin-life.lua - a node says what it has seen, and learns whether all of it is here, so that the present life goes on. [STORE-1]
-- FULL done
-- KEYS life run mark found nodes
-- ARGV node seenRun seenMark agoMs(since it looked last) touchMs known(ms: the time of Redis as the node has carried it on; 0: it has known none) oweMs sealed(1: what is here is all that was)
-- then node ... (others that were at work when this one looked last)
-- RETURNS 0 life run mark owing(nodes that have not said yet what they have seen) nodes[]
-- run: the server that has all that was written. mark: rises with each step that gives out a number.
-- found: the mark when this run was seen first, and when that was. nodes: node -> when it was here last, and of which run.
-- Another run goes on with the life when who had worked with the one before, every one of them, has seen no mark beyond what was found.
local life_key, run_key, mark_key, found_key, nodes_key = unpack(KEYS)
local node, seen_run, seen_mark, ago_ms, touch_ms, known, owe_ms, sealed = unpack(ARGV)
local clock = redis.call('TIME')
local now, server = clock[1] * 1000 + math.floor(clock[2] / 1000), redis.call('INFO', 'server')
local this_run, uptime = string.match(server, 'run_id:(%w+)'), string.match(server, 'uptime_in_seconds:(%d+)')
local life, before = tonumber(redis.call('GET', life_key) or 0), redis.call('GET', run_key)
local mark, seen = tonumber(redis.call('GET', mark_key) or 0), tonumber(seen_mark)
local found, since = string.match(redis.call('GET', found_key) or '0 0', '^(%d+) (%d+)$')
local function int (n) return string.format('%.0f', n) end

-- Newer than all that was before it, also when the clock came back slow: than the life before, what the node knows, and every
-- epoch that was given (32 of a partition a ms: down.lua; of all: standalone Redis only). What is below its marks was seen in a life that is over.
local function another ()
  life = math.max(now, tonumber(known), life + 1)
  local given = {}
  for p = 0, 127 do given[p + 1] = 'iris:{' .. p .. '}:EPOCH' end
  for _, unit in ipairs(redis.call('MGET', unpack(given))) do
    if unit then life = math.max(life, math.floor(unit / 32) + 1) end
  end
  mark = math.max(mark, seen, life * 4096)
  redis.call('DEL', nodes_key)
  redis.call('MSET', life_key, int(life), mark_key, int(mark), found_key, int(mark) .. ' ' .. int(now), run_key, this_run)
end

local fresh, owing, others, newest = 5000, 0, {}, 0 -- who was away for so long (ms) before the others were here last has seen nothing more
local function each (act)
  local all = redis.call('HGETALL', nodes_key)
  for i = 1, #all, 2 do
    if all[i] ~= node then act(all[i], tonumber(string.match(all[i + 1], '^%d+')), string.match(all[i + 1], '%S*$')) end
  end
end
each(function (_, at) newest = math.max(newest, at) end)
if before ~= this_run then
  each(function (name, at) if sealed == '1' or at < newest - fresh then redis.call('HDEL', nodes_key, name) end end)
  for i = 9, #ARGV do redis.call('HSETNX', nodes_key, ARGV[i], int(newest) .. ' ' .. (before or '')) end
  redis.call('MSET', run_key, this_run, found_key, int(mark) .. ' ' .. int(now))
  found, since = mark, now
  -- who had lost touch before the end cannot know who came meanwhile: a promoted replica does not tell when that was, a new process does
  local alive_ms = string.find(redis.call('INFO', 'replication'), 'second_repl_offset:-1', 1, true) and uptime * 1000 or 0
  if seen > mark or (sealed ~= '1' and (before or mark + life > 0) and (seen_run ~= before or ago_ms - alive_ms > tonumber(touch_ms))) then another() end
elseif seen > life * 4096 and (seen > mark or (seen_run ~= this_run and seen > tonumber(found))) then another() end

local here = math.max(now, newest) -- who is here is never older than who is gone, though the clock went back
each(function (name, at, of)
  if of ~= this_run then owing = owing + 1
  elseif at > here - fresh then others[#others + 1] = name
  elseif not is_dry and at < here - 10 * fresh then redis.call('HDEL', nodes_key, name) end
end)
if owing > 0 and now - since >= tonumber(owe_ms) then owing = another() or 0 end
if not is_dry then redis.call('HSET', nodes_key, node, int(here) .. ' ' .. this_run) end
return { 0, int(life), this_run, int(mark), owing, others }
