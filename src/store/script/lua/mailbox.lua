-- mailbox.lua - prelude after waiting: what of a user's unread messages an attach finds at once, and what is left to look-further.lua.
-- Of so many conversations one call looks for the markers.
local PAGE = 50

local function looking_of (unread, kept)
  local prefix, user = string.match(unread, '^(.*:)CHAT_MSG_BOX:(.*)$')
  return { unread = unread, prefix = prefix, user = user, kept = kept, left = MAX_SCANNED }
end

-- limit: a mailbox brings so many. kept: what was sent before this moment has had its time. came: see waiting.lua. Returns what was found,
-- see there, and the rest: share left field ...; empty where all was looked at. Who comes when a call has looked at enough is not even
-- listed, since names are much, too: his rest is the limit, and left.
local function oldest_unread (unread, limit, kept, came)
  local in_all = redis.call('HLEN', unread)
  if in_all == 0 then return { 0 }, {} end
  if is_call_full(0) then return { 0 }, { limit, MAX_SCANNED } end
  local all = redis.call('HSCAN', unread, 0, 'COUNT', MAX_LOOKED)[2]
  local many, fields, counts = math.min(#all / 2, MAX_LOOKED), {}, {}
  local found = { in_all - many }
  for i = 1, math.min(many, PAGE) do fields[i], counts[i] = all[2 * i - 1], all[2 * i] end
  local looking = looking_of(unread, kept)
  looking.share, looking.came = math.min(limit, math.ceil(4 * limit / many)), came
  local done = look_through(looking, fields, counts, found)
  if done == many then return found, {} end
  local rest = { looking.share, looking.left }
  for i = done + 1, many do rest[#rest + 1] = all[2 * i - 1] end
  return found, rest
end
