-- down.lua - prelude after life: writes down streams. Every script that uses it begins its ARGV with these five; feed: see event.lua.
-- ARGV feed downEntries downIdleMs node seenMark
local down_entries, down_idle, this_node, seen_mark = unpack(ARGV, 2)
local now = time_ms()
local here, stamped = {}, nil -- `here`: the mark, then user, id, user, id ...: what this node delivers itself; a reply has it as `said()`

-- The node has seen what is not here any more, or nobody knows which life this is: begin-life.lua judges that first.
if not is_recorded or mark < tonumber(seen_mark) then return { -11 } end

local function user_key (tag, name, user) return 'iris:{' .. tag .. '}:' .. name .. ':' .. user end
local function is_alive (epoch) return tonumber(epoch) >= life * 4096 end

-- An epoch of a stream or log of a partition: above all that it has given, also when many are born in one script or the clock goes back.
local function new_epoch (tag)
  local given = 'iris:{' .. tag .. '}:EPOCH'
  local unit = math.max((number_of(redis.call('GET', given), given, 2 ^ 46 - 1) or 0) + 1, math.max(now, life) * 32)
  redis.call('SET', given, int(unit))
  return int(unit * 128 + tag) -- 4096 a ms, see is_alive; below 2^53 until 2039
end

-- The end of a stream without an entry, if somebody was told of it: who has attached has a cursor (attach.lua). Then, where that stands.
local function told_end (key)
  local terminals = string.gsub(key, ':DOWN:', ':TERMINALS:', 1)
  local epoch = number_of(redis.call('HGET', terminals, '/epoch'), terminals .. ' /epoch')
  return epoch and is_alive(epoch) and int(epoch) .. '-0', terminals
end

-- The last id of a user's stream; a stream that is not there is born with <epoch>-0.
local function top_of (key)
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', '1')[1]
  local epoch, seq = string.match(last and last[1] or '', '^(%d+)-(%d+)$')
  if epoch and is_alive(epoch) and whole_of(seq) then return last[1] end -- one whose numbers are used up takes no entry
  if last then redis.call('DEL', key) end
  local told, terminals = told_end(key)
  local id = redis.call('XADD', key, told or new_epoch(string.match(key, '{(%d+)}')) .. '-0', 'k', 'birth')
  redis.call('PEXPIRE', key, down_idle)
  redis.call('HDEL', terminals, '/epoch')
  return id
end

-- A step that gives out a number has a mark, which goes along with the answer and with every hint: see begin-life.lua. [STORE-1]
local function stamp () stamped = stamped or int(redis.call('INCR', mark_key)) here[1] = stamped end

-- As one text: a reply of many values costs as much as their entries.
local function said () return table.concat(here, ' ') end
