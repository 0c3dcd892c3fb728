-- attach-user.lua - a terminal attaches: registered, routed, its cursor judged, and what waits for it, at one instant. [ATTACH-1] to [ATTACH-3]
-- USES life down routes kick logins login presence connect unread rate
-- FULL done
-- KEYS down terminals routes unread commands notices kick logins leases events attachRate newTerminals conversations
-- ARGV downEntries downIdleMs node seenMark user terminal platform leaseMs maxTerminals epoch seq mailboxMessages issuedAt expiresAt policy(multi|one_per_platform|single) keepMs heldMs traceId maxEvents lease(socket|empty) attachEmissionUs burst units newEmissionUs newBurst
-- epoch: that of the cursor, `` without a cursor, `malformed` for one that cannot be read.
-- RETURNS 0 verdict(fresh|resumed|malformed|epoch|trimmed|future|full|kicked|limited|crowded) top(kicked: why; limited, crowded: retryMs) serverTime unread[beyond, conversation, n, [seq:ts ...] ...] pending evicted replaced[] loginAt mark
local down, terminals, routes, unread, commands, notices, kick, logins, leases, events, attach_rate, new_terminals, conversations = unpack(KEYS)
local user, terminal, platform, lease_ms, max_terminals, epoch, seq, mailbox, issued, expires, policy, keep_ms, held_ms, trace_id, max_events, lease, attach_emission, burst, units, new_emission, new_burst = unpack(ARGV, 5)
local attaches, newcomers = pace(attach_emission, burst, MAX_UNITS), pace(new_emission, new_burst, 1)
local early = early_ms(attach_rate, attaches)
if early > 0 then return { 0, 'limited', early } end
local is_new = redis.call('HEXISTS', terminals, terminal) == 0
early = is_new and early_ms(new_terminals, newcomers) or 0
if early > 0 then return { 0, 'crowded', early } end
local me = { terminal = terminal, platform = platform, issued = issued, expires = expires, keep_ms = keep_ms }
local doors = { kick = kick, logins = logins, routes = routes }
local reason, login, replaced = judge_login(doors, policy, me)
local function refuse (...) -- it has cost as much [COST-1]
  take(attach_rate, attaches, tonumber(units))
  return { 0, ... }
end
if reason then return refuse('kicked', reason) end
local who = { leases = leases, events = events, terminals = terminals, user = user, max_events = max_events }

prune(routes, lease_ms)

local evicted = ''
if is_new and redis.call('HLEN', terminals) >= tonumber(max_terminals) then
  evicted = longest_unseen(terminals, routes, replaced)
  if not evicted then return refuse('full') end
  disconnect(who, evicted, 'LINK_CLOSE', 1) -- it may still be in its grace
  redis.call('HDEL', terminals, evicted)
  redis.call('HDEL', logins, evicted)
end
enter(doors, terminal, login, replaced)
if is_new then take(new_terminals, newcomers, 1) end
connect(who, terminal, { platform = platform, node = this_node, trace = trace_id, lease = lease ~= '' and lease or nil }, held_ms)
local top = top_of(down)
if not is_dry then
  redis.call('HSET', routes, this_node .. '/' .. terminal, platform .. ' ' .. int(now + lease_ms))
  redis.call('PEXPIRE', routes, lease_ms)
  redis.call('PEXPIRE', down, down_idle)
end
local top_epoch, top_seq = string.match(top, '^(%d+)-(%d+)$')
-- trimming is approximate: what stands beyond the limit may already refer to messages that are gone
local first = math.max(string.match(redis.call('XRANGE', down, '-', '+', 'COUNT', 1)[1][1], '%d+$'), top_seq - down_entries + 1)
local verdict = 'resumed'
if epoch == '' then verdict = 'fresh'
elseif epoch == 'malformed' then verdict = 'malformed'
elseif epoch ~= top_epoch then verdict = 'epoch'
elseif tonumber(seq) > tonumber(top_seq) then verdict = 'future'
elseif tonumber(seq) < tonumber(first) - 1 then verdict = 'trimmed' end

if verdict ~= 'resumed' then units = 1 + math.floor(redis.call('ZCARD', conversations) / 50) end
take(attach_rate, attaches, tonumber(units)) -- what is read weighs, too [COST-1]
local waiting = verdict == 'resumed' and {} or oldest_unread(unread, tonumber(mailbox))
return { 0, verdict, top, int(now), waiting, redis.call('HLEN', commands) + redis.call('HLEN', notices), evicted, replaced, ms(login.issued), redis.call('GET', mark_key) or '0' }
