-- webhook.lua - prelude: what is known of a webhook, and of its place in the stream of events. [WEBHOOK-1]
-- Its record, while it is still the one that was made then (since, ms): it keeps that while it is changed; one that was removed, and made
-- anew under its id, is another.
local function webhook_of (webhooks, id, since)
  local record = redis.call('HGET', webhooks, id)
  return record and string.match(record, '"createdAt":(%d+)') == since and record or nil
end

-- The facts of an XINFO by their names; none when there is nothing of that kind.
local function named (flat)
  local facts = {}
  for i = 1, #flat - 1, 2 do facts[flat[i]] = flat[i + 1] end
  return facts
end
