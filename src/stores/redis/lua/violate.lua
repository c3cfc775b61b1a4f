-- Adds to the violations of a tenant (src/limits/violation.ts).
--
-- KEYS  1 a hash: for each limit and scope "count first last minutes-in-a-row window", times in ms
-- ARGV  1 '' for the server's clock, or the time in ms (tests only)
--       2 how long it is kept after the last, in ms; 3 most fields
--       then for each: field, count, window in ms
-- Answers for each its value as it is now, or '' when there is no room for it

local now = clockMs(ARGV[1])
local life, most = tonumber(ARGV[2]), tonumber(ARGV[3])
local fields = redis.call('HLEN', KEYS[1])
local reply = {}
for a = 4, #ARGV, 3 do
  local field, count, window = ARGV[a], tonumber(ARGV[a + 1]), ARGV[a + 2]
  local known = redis.call('HGET', KEYS[1], field)
  local first, last, row = now, now, 1
  if known then
    local words = {}
    for word in string.gmatch(known, '%S+') do words[#words + 1] = tonumber(word) end
    count, first, row = count + words[1], words[2], words[4]
    local minutes = floor(now / 60000) - floor(words[3] / 60000)
    if minutes == 1 then row = row + 1 elseif minutes > 1 then row = 1 end
    last = max(words[3], now)
  end
  if known or fields < most then
    local value = string.format('%.0f %.0f %.0f %.0f %s', count, first, last, row, window)
    redis.call('HSET', KEYS[1], field, value)
    if not known then fields = fields + 1 end
    reply[#reply + 1] = value
  else
    reply[#reply + 1] = ''
  end
end
redis.call('PEXPIRE', KEYS[1], life)
return reply
