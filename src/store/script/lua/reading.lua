-- reading.lua - prelude after down, direct and unread: what a reading leaves of a member's unread messages. [READ-1] [READ-2]
-- How many of `count` are left when what is up to `to` is read: the shorter side is counted.
local function left_of (view, count, to)
  if to <= view.low then return count end
  if count > 0 and to - view.low < view.head - to then return math.max(0, count - count_between(view, view.low + 1, to)) end
  return count_between(view, to + 1, view.head)
end

local function set_count (unread, field, count)
  if count > 0 then redis.call('HSET', unread, field, int(count)) else redis.call('HDEL', unread, field) end
end

-- Takes messages out singly. `ends`: when what is kept of that ends; nil of a group. Returns those that were unread.
local function take_singly (view, seqs, ends)
  local taken = {}
  for text in string.gmatch(seqs, '%d+') do
    local seq = tonumber(text)
    if seq > view.low and seq <= view.head and count_between(view, seq, seq) > 0 then
      redis.call('ZADD', view.taken, text, text)
      taken[#taken + 1] = text
    end
  end
  if taken[1] and ends then redis.call('PEXPIREAT', view.taken, ends) end
  return taken
end

-- `field`: of the conversation among the counts `unread`. Returns how many are left, and whether
-- that is counted anew: the count was lost.
local function read_up_to (view, to, unread, field, taken)
  local before = number_of(redis.call('HGET', unread, field), unread .. ' ' .. field) or 0
  local count = left_of(view, math.max(before - #taken, 0), to)
  if count ~= before then set_count(unread, field, count) end
  if to > view.low then redis.call('ZREMRANGEBYSCORE', view.taken, '-inf', to) end
  return count, before == 0 and count > 0
end
