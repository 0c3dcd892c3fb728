-- look-further.lua - goes on with the unread messages of a user who has attached, as they were then: a step. [ATTACH-3] [COST-1]
-- USES life down member index unread aging waiting mailbox (keys are built from ids: standalone Redis only)
-- FULL done
-- KEYS unread stream
-- ARGV feed downEntries downIdleMs node seenMark keptFrom epoch seq share left
-- then field ... (of `unread`; none: nothing is listed yet, share is the limit of the mailbox). epoch, seq: the end of his stream when he
-- attached: what came since comes by the stream.
-- RETURNS 0 looked(fields; -1: too much came since, or nobody can tell) left found[beyond, conversation, n, [seq:ts ...] ...]
--   rest[share, left, field ...](of who was not listed)
local unread, stream = unpack(KEYS)
local kept_ms, epoch, seq, share, left = unpack(ARGV, 6)
local MOST_CAME = 200

-- By conversation, the first seq that came; nil where entries are missing, or are too many.
local function came_since ()
  local came, place = {}, tonumber(seq)
  local later = redis.call('XRANGE', stream, '(' .. epoch .. '-' .. seq, '+', 'COUNT', MOST_CAME + 1)
  if #later > MOST_CAME then return end
  for _, entry in ipairs(later) do
    local its_epoch, its_seq = string.match(entry[1], '^(%d+)-(%d+)$')
    place = place + 1
    if its_epoch ~= epoch or tonumber(its_seq) ~= place then return end
    local id, first = string.match(entry[2][1] == 'm' and entry[2][2] or '', '^(%S+) (%d+)')
    if id and not came[id] then came[id] = tonumber(first) end
  end
  return came
end

local came, fields, found = came_since(), {}, { 0 }
if not came then return { 0, -1, left, #ARGV < 11 and { redis.call('HLEN', unread) } or found, {} } end
if #ARGV < 11 then return { 0, 0, left, oldest_unread(unread, tonumber(share), tonumber(kept_ms), came) } end
local looking = looking_of(unread, tonumber(kept_ms))
for i = 11, #ARGV do fields[#fields + 1] = ARGV[i] end
looking.share, looking.left, looking.came = tonumber(share), tonumber(left), came
local looked = look_through(looking, fields, redis.call('HMGET', unread, unpack(fields)), found)
return { 0, looked, looking.left, found, {} }
