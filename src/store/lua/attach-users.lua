-- attach-users.lua - terminals attach, in order, each by itself and at one instant: what happens to one touches none of its neighbours. [ATTACH-3]
-- USES life down routes kick logins login presence connect index unread waiting rate attach (keys are built from the users' ids: standalone Redis only)
-- FULL done
-- ARGV downEntries downIdleMs node seenMark leaseMs maxTerminals mailboxMessages policy(multi|one_per_platform|single) keepMs heldMs maxEvents attachEmissionUs burst newEmissionUs newBurst
-- then tag user terminal platform epoch seq issuedAt expiresAt traceId lease(socket|empty) units ...
-- epoch: that of the cursor, `` without a cursor, `malformed` for one that cannot be read.
-- RETURNS 0 [0 verdict(fresh|resumed|malformed|epoch|trimmed|future|full|kicked|limited|crowded|later) top(kicked: why; limited, crowded: retryMs) serverTime unread[beyond, conversation, n, [seq:ts ...] ...] pending evicted replaced[] loginAt mark; or -12 and why it failed] ...
local lease_ms, max_terminals, mailbox, policy, keep_ms, held_ms, max_events, attach_emission, burst, new_emission, new_burst = unpack(ARGV, 5)
local FIELDS = 11
local attaches, newcomers = pace(attach_emission, burst, MAX_UNITS), pace(new_emission, new_burst, 1)
-- One call reads as much as its longest mailbox, and little more: Redis does nothing else meanwhile. [COST-1]
local found, MOST_FOUND = 0, 3 * MAX_LOOKED

local function attach (me)
  local keys = me.keys
  local early = early_ms(keys.attach_rate, attaches)
  if early > 0 then return { 0, 'limited', early } end
  local is_new = redis.call('HEXISTS', keys.terminals, me.terminal) == 0
  early = is_new and early_ms(keys.new_terminals, newcomers) or 0
  if early > 0 then return { 0, 'crowded', early } end
  local function refuse (...) -- it has cost as much [COST-1]
    take(keys.attach_rate, attaches, me.units)
    return { 0, ... }
  end
  local reason, login, replaced = judge_login(keys, policy, me)
  if reason then return refuse('kicked', reason) end
  prune(keys.routes, lease_ms)
  local evicted = ''
  if is_new then evicted = make_place(me, replaced, max_terminals) end
  if not evicted then return refuse('full') end
  enter(keys, me.terminal, login, replaced)
  if is_new then take(keys.new_terminals, newcomers, 1) end
  local top = arrive(me, held_ms, lease_ms)
  local verdict = judge_cursor(keys.down, top, me)
  local is_resumed = verdict == 'resumed'
  local units = is_resumed and me.units or 1 + math.floor(redis.call('ZCARD', keys.conversations) / 50)
  take(keys.attach_rate, attaches, units) -- what is read weighs, too [COST-1]
  local waiting = is_resumed and {} or oldest_unread(keys.unread, tonumber(mailbox))
  found = found + #waiting
  local pending = redis.call('HLEN', keys.commands) + redis.call('HLEN', keys.notices)
  return { 0, verdict, top, this_moment, waiting, pending, evicted, replaced, ms(login.issued), int(mark) }
end

local function attach_one (tag, user, terminal, platform, epoch, seq, issued, expires, trace_id, lease, units)
  local keys = keys_of(tag, user)
  return attach({
    terminal = terminal, platform = platform, epoch = epoch, seq = seq, issued = issued, expires = expires, keep_ms = keep_ms, trace_id = trace_id,
    lease = lease, units = tonumber(units), keys = keys,
    who = { leases = 'iris:{' .. tag .. '}:LEASES', events = 'iris:events', terminals = keys.terminals, user = user, max_events = max_events }
  })
end

local answers = { 0 }
for i = 16, #ARGV, FIELDS do
  local is_done, answer = true, { 0, 'later' }
  if found < MOST_FOUND then is_done, answer = pcall(attach_one, unpack(ARGV, i, i + FIELDS - 1)) end
  answers[#answers + 1] = is_done and answer or { -12, type(answer) == 'table' and answer.err or answer }
end
return answers
