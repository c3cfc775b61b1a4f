-- Gives back what take.lua took for one request, to the sub-buckets it came from, and forgets the
-- request: a repeat of it is decided anew, and a second refund finds nothing.
--
-- KEYS  1 verdict; then one entity for each counter
-- ARGV  1  '' for the server's clock, or the time in ms (tests only)
--       2  fingerprint
--       3  plan, as for take.lua: under other counters nothing is given back
--       then the cost of each counter
-- Answers 1 refunded · 0 nothing to give back · 2 a value is not ours, and nothing was done

local TAKEN = 1

local function giveBack(e, takenAtMs, cost)
  local h = e.head
  if takenAtMs < h[SINCE] then return end
  for w = 1, e.n do
    local p = placeOf(w)
    local bucket = floor(takenAtMs * RING / h[p])
    local age = e.buckets[w] - bucket
    if age == 0 then
      local back = min(cost, h[p + 2])
      h[p + 1], h[p + 2] = h[p + 1] - back, h[p + 2] - back
    elseif age > 0 and age <= RING then
      local count = countOf(e, w, bucket)
      local back = min(cost, count)
      h[p + 1] = h[p + 1] - back
      e.back = e.back or {}
      e.back[w] = { bucket = bucket, count = count - back }
      h[p + 3] = oldestAge(e, w, h[p + 3])
    end
  end
end

local now = clockMs(ARGV[1])
local fingerprint, plan = ARGV[2], tonumber(ARGV[3])
local values = readAll(KEYS)
local verdict = values[1]
if not verdict then return 0 end
if verdict == true or #verdict < 7 then return 2 end
local kind, storedPlan, length = decode('<BI4I2', verdict)
if kind ~= TAKEN or storedPlan ~= plan then return 0 end
if sub(verdict, 8, 7 + length) ~= fingerprint then return 0 end

local opened = {}
for c = 1, #KEYS - 1 do
  local value = values[c + 1]
  if value then
    local e = open(KEYS[c + 1], value, nil, now)
    if not e then return 2 end
    local takenAtMs = decode('<d', verdict, 8 + length + 8 * (c - 1))
    giveBack(e, takenAtMs, tonumber(ARGV[3 + c]))
    opened[#opened + 1] = e
  end
end
for c = 1, #opened do save(opened[c]) end
redis.call('DEL', KEYS[1])
return 1
