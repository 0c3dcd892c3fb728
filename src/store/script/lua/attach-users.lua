-- attach-users.lua - terminals attach, in order, each by itself and at one instant: what befalls one touches no neighbour. [ATTACH-3]
-- USES life down event routes kick logins presence foreground going connect login member index unread aging waiting mailbox
--   rate begin attach each (keys are made of ids: standalone Redis only)
-- FULL done
-- ARGV feed downEntries downIdleMs node seenMark leaseMs maxTerminals mailboxMessages policy(multi|one_per_platform|single) keepMs heldMs
--   attachEmissionUs burst newEmissionUs newBurst logMs
-- then tag user terminal platform epoch seq issuedAt expiresAt traceId lease(socket|empty) units ...
-- epoch: that of the cursor, `` without a cursor, `malformed` for one that cannot be read.
-- RETURNS 0 [0 verdict(fresh|resumed|malformed|epoch|trimmed|future|full|kicked|limited|crowded) top(or why, or retryMs)
--   serverTime unread[beyond, conversation, n, [seq:ts ...] ...] pending evicted replaced[] loginAt mark
--   rest[share, left, field ... (see look-further.lua)]; or -12 and why it failed] ...
local lease_ms, max_terminals, mailbox, policy, keep_ms, held_ms, attach_emission, burst, new_emission, new_burst, log_ms =
  unpack(ARGV, 6)
local attaches, newcomers = pace(attach_emission, burst, MAX_UNITS), pace(new_emission, new_burst, 1)
local this_mark, route_until, held_until = int(mark), int(now + lease_ms), int(now + held_ms)
local FIELDS = 11

local function attach (me)
  local keys, known = me.keys, me.known
  local ahead, crowd = ahead_of(known.attach, keys.terminals, attaches), ahead_of(known.new, keys.terminals, newcomers)
  local is_new, early = not known.row, early_after(ahead, attaches)
  if early > 0 then return { 0, 'limited', early } end
  if is_new and early_after(crowd, newcomers) > 0 then return { 0, 'crowded', early_after(crowd, newcomers) } end
  local live = prune(keys.routes, lease_ms)
  local reason, login, replaced = judge_login(me, policy, live)
  local evicted = not reason and (not is_new and '' or make_place(me, { live = live, replaced = replaced, most = tonumber(max_terminals) }))
  if not evicted then
    owe(keys.terminals, ahead_with(ahead, attaches, me.units)) -- it has cost as much [COST-1]
    return { 0, reason and 'kicked' or 'full', reason }
  end
  replace(keys.kick, login, replaced)
  local top, is_there = end_of(me)
  local verdict = judge_cursor(keys.down, top, me)
  local is_resumed = verdict == 'resumed'
  local units = is_resumed and me.units or 1 + math.floor(redis.call('ZCARD', keys.conversations) / 50) -- what is read weighs, too [COST-1]
  local facts = { me.terminal .. '/login', login_text(login), '/attach', due(ahead_with(ahead, attaches, units)) }
  local waiting, rest = {}, {}
  if not is_resumed then
    waiting, rest = oldest_unread(keys.unread, tonumber(mailbox), kept_from(now, log_ms))
    facts[5], facts[6] = me.terminal .. '/from', top
  end
  if is_new then facts[#facts + 1], facts[#facts + 2] = '/new', due(ahead_with(crowd, newcomers, 1)) end
  arrive(me, { facts = facts, epoch = not is_there and string.match(top, '^%d+') or nil, lease_ms = lease_ms, route_until = route_until })
  local pending = redis.call('HLEN', keys.commands) + redis.call('HLEN', keys.notices)
  return { 0, verdict, top, this_moment, waiting, pending, evicted, replaced, login.issued, this_mark, rest }
end

local function attach_one (tag, user, terminal, platform, epoch, seq, issued, expires, trace_id, lease, units)
  local keys = keys_of(tag, user)
  return attach({
    tag = tag, terminal = terminal, platform = platform, epoch = epoch, seq = seq, issued = issued, expires = expires, trace = trace_id,
    keep_ms = keep_ms, node = this_node, lease = lease, held_until = held_until, units = tonumber(units), keys = keys,
    known = known_of(keys.terminals, terminal), who = { leases = 'iris:{' .. tag .. '}:LEASES', user = user,
      terminals = keys.terminals }
  })
end

return decide_each(17, FIELDS, attach_one)
