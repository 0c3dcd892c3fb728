-- begin.lua - prelude after down: where a terminal that attaches begins. me: see attach.lua. [ATTACH-1] [ATTACH-2]

-- The end of a user's stream, and whether it is there: it is born with its first entry (down.lua), but every cursor has an epoch.
local function end_of (me)
  local down = me.keys.down
  local last = redis.call('XREVRANGE', down, '+', '-', 'COUNT', 1)[1]
  if last and is_alive(string.match(last[1], '^%d+')) then return last[1], true end
  if not void[down] and not is_dry then redis.call('DEL', down) end
  local epoch = number_of(me.known.epoch, me.keys.terminals .. ' /epoch')
  return (epoch and is_alive(epoch) and int(epoch) or new_epoch(me.tag)) .. '-0'
end

-- Trimming is approximate: what stands beyond the limit may already refer to messages that are gone.
local function judge_cursor (down, top, me)
  if me.epoch == '' then return 'fresh' end
  local epoch, last = string.match(top, '^(%d+)-(%d+)$')
  if me.epoch ~= epoch then return me.epoch == 'malformed' and 'malformed' or 'epoch' end
  local behind = last - me.seq
  if behind <= 0 then return behind < 0 and 'future' or 'resumed' end
  local first = math.max(string.match(redis.call('XRANGE', down, '-', '+', 'COUNT', 1)[1][1], '%d+$'), last - down_entries + 1)
  return tonumber(me.seq) < first - 1 and 'trimmed' or 'resumed'
end
