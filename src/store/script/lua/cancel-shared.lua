-- cancel-shared.lua - takes a notice to everybody back: nobody finds its body any more, and whoever has its place is told. [NOTICE-2]
-- FULL done
-- KEYS shared
-- ARGV id most
-- RETURNS 0 removed(0|1)
local shared = KEYS[1]
local id, most = unpack(ARGV)
local stored = redis.call('HGET', shared, id)
if redis.call('HDEL', shared, id) == 0 then return { 0, 0 } end
local ends = whole_of(string.match(stored or '', '^%d+'))
if ends then redis.call('HSET', shared, '!' .. id, int(ends) .. ' 0') end

-- that it was is known as long as it would have lasted; of too many those are forgotten that end first
local back = {}
for _, name in ipairs(redis.call('HKEYS', shared)) do
  if string.sub(name, 1, 1) == '!' then
    back[#back + 1] = { name = name, ends = whole_of(string.match(redis.call('HGET', shared, name) or '', '^%d+')) or 0 }
  end
end
table.sort(back, function (a, b) return a.ends < b.ends end)
for i = 1, #back - most do redis.call('HDEL', shared, back[i].name) end
return { 0, 1 }
