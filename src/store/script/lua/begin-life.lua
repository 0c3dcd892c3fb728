-- begin-life.lua - a node says what it has seen, and learns whether all of it is here, so that the present life goes on. [STORE-1]
-- USES life run
-- FULL done
-- KEYS life run mark found nodes
-- ARGV node seenRun seenMark agoMs(since it looked last) touchMs known(time of Redis, ms; 0: none) oweMs sealed(1: all is here) seenLife
-- then node ... (others that were at work when this one looked last)
-- RETURNS 0 life run mark owing(nodes that owe their word) nodes[] why(record|lost|unwitnessed|silent: another life) known(0: it is new)
-- run: it has all that was written, see run.lua. found: the mark when this run was seen first, and when. nodes: node -> last here, its run
-- Another run goes on with the life when who had worked with the one before, every one of them, has seen no mark beyond what was found.
local run_key, found_key, nodes_key = KEYS[2], KEYS[4], KEYS[5]
local node, seen_run, seen_mark, ago_ms, touch_ms, known, owe_ms, sealed, seen_life = unpack(ARGV)
local function number (text) return whole_of(text) or 0 end -- what cannot be read says nothing
local now = time_ms()
for _, key in ipairs({ life_key, mark_key }) do redis.call('GET', key) end -- what is of another type is named, too
local seen, why = number(seen_mark), (#unreadable > 0 or life < number(seen_life)) and 'record'
local before, looked = redis.call('GET', run_key), redis.call('GET', found_key) or ''
local found, since = number(string.match(looked, '^%d+')), number(string.match(looked, '%d+$'))
local was, nodes, newest = {}, {}, 0 -- the other nodes: as they are stored; name -> { when it was here last, of which run }
local all, own = redis.call('HGETALL', nodes_key), string.match(redis.call('HGET', nodes_key, node) or '', '%S*$') -- own: its run
for i = 1, #all, 2 do
  local at = number(string.match(all[i + 1], '^%d+'))
  if all[i] ~= node then was[all[i]], nodes[all[i]], newest = all[i + 1], { at, string.match(all[i + 1], '%S*$') }, math.max(newest, at) end
end
local is_other_run, fresh = before ~= this_run, 5000 -- who was away for so long (ms) before the others were here last has seen nothing more
if is_other_run then
  for name, each in pairs(nodes) do if sealed == '1' or each[1] < newest - fresh then nodes[name] = nil end end
  for i = 10, #ARGV do nodes[ARGV[i]] = nodes[ARGV[i]] or { newest, before or '' } end
  found, since = mark, now
  -- who had lost touch before the end cannot know who came meanwhile: a change of role does not tell when that was, a new process does
  local is_new = not string.find(before or '', process, 1, true) and string.find(replication, 'second_repl_offset:-1', 1, true)
  local alive_ms = is_new and string.match(server, 'uptime_in_seconds:(%d+)') * 1000 or 0
  local is_stranger = (seen_run ~= before and own ~= before) or ago_ms - alive_ms > tonumber(touch_ms)
  why = why or seen > mark and 'lost' or (sealed ~= '1' and (before or mark + life > 0) and is_stranger) and 'unwitnessed'
else why = why or (seen > life * 4096 and (seen > mark or (seen_run ~= this_run and own ~= this_run and seen > found))) and 'lost' end
if why then nodes = {} end
local here, owing, others = math.max(now, newest), 0, {} -- who is here is never older than who is gone, though the clock went back
for name, each in pairs(nodes) do
  if each[2] ~= this_run then owing = owing + 1
  elseif each[1] > here - fresh then others[#others + 1] = name
  elseif each[1] < here - 10 * fresh then nodes[name] = nil end
end
if owing > 0 and math.abs(now - since) >= tonumber(owe_ms) then why, owing, nodes = 'silent', 0, {} end
if is_dry and not why then return { 0, int(life), before or '', int(mark), owing, others, '', own ~= '' and 1 or 0 } end -- asked again
if why then -- newer than all before, also when the clock came back slow: the life before, its marks, what the node knows, and every
  local of_mark = is_mark_of(now, mark) and math.floor(mark / 4096) + 1 or 0
  local olds = { number(known), number(seen_life) + 1, life + 1, of_mark } -- epoch (32 of a partition a ms; of all: standalone Redis only)
  for p = 0, 127 do olds[p + 5] = math.floor(number(redis.call('GET', 'iris:{' .. p .. '}:EPOCH')) / 32) + 1 end
  life = now -- what no life can be, or have given out, says nothing: another would have to begin again and again
  for _, old in ipairs(olds) do if old < last_life then life = math.max(life, old) end end
  mark = math.max(life * 4096, is_mark_of(life, mark) and mark or 0, is_mark_of(life, seen) and seen or 0) -- else: of a life that is over
  redis.call('MSET', life_key, int(life), mark_key, int(mark), found_key, int(mark) .. ' ' .. int(now), run_key, this_run)
elseif is_other_run then redis.call('MSET', run_key, this_run, found_key, int(found) .. ' ' .. int(since)) end
for name in pairs(was) do if not nodes[name] then redis.call('HDEL', nodes_key, name) end end
nodes[node] = { here, this_run }
for name, each in pairs(nodes) do
  local text = int(each[1]) .. ' ' .. each[2]
  if was[name] ~= text then redis.call('HSET', nodes_key, name, text) end
end
return { 0, int(life), this_run, int(mark), owing, others, why or '', own ~= '' and 1 or 0 }
