-- Strict windows. An entity is one limit applied to one scope. Its value, little-endian, with n
-- windows:
--   u8  16 + n       the format's version in the high half
--   f64 at           latest time of a write, ms; the entity's time never goes below it
--   f64 since        its windows are the same since this time, ms; what was taken before is not
--                    given back
--   n times  u32 length of the window, ms
--            u32 total of all its sub-buckets
--            u32 count of the running sub-bucket
--            u8  age of the oldest sub-bucket in use, 0 (the running one) to 50
--   n times  50 times u32, closed sub-bucket b at place b % 50
-- 869 bytes with four windows. The part that every take changes stands in front, so that a take
-- that closes no sub-bucket writes some 70 bytes. src/limits/sliding-window.ts is the same
-- algorithm and says why it is exact.

local RING = 50
local RING_BYTES = 4 * RING
local VERSION = 16
local EMPTY_RING = rep('\0', RING_BYTES)

local HEAD_FORMAT = {}
for n = 1, MOST_WINDOWS do HEAD_FORMAT[n] = '<Bdd' .. rep('I4I4I4B', n) end

local function headBytes(n)
  return 17 + 13 * n
end

-- The head is kept as the array that it decodes to. Places in it:
local AT, SINCE = 2, 3
local function placeOf(w)
  return 4 * w -- length; then total, running, age
end

-- Count of closed sub-bucket b of window w, which must not be older than the window.
local function countOf(e, w, b)
  local back = e.back and e.back[w]
  if back and back.bucket == b then return back.count end
  local from = e.from and e.from[w]
  if from and b >= from then return b == from and e.closing[w] or 0 end
  return (decode('<I4', e.value, e.ringsAt + (w - 1) * RING_BYTES + b % RING * 4))
end

-- Age of the oldest sub-bucket in use, from `age` towards the running one.
local function oldestAge(e, w, age)
  local bucket = e.buckets[w]
  while age > 0 and countOf(e, w, bucket - age) == 0 do age = age - 1 end
  return age
end

-- Moves window w from one sub-bucket on to a later one: closes the running one, and the oldest
-- leave. What becomes of the ring is only noted: from sub-bucket `from` on it holds `closing` once
-- and then nothing.
local function move(e, w, from, bucket)
  local p = 4 * w
  local h = e.head
  local turns = bucket - from
  if w == e.n then e.turned = true end
  if h[p + 1] == 0 then return end
  if not e.from then e.from, e.closing = {}, {} end
  if turns > RING then
    e.from[w], e.closing[w] = bucket - RING, 0
    h[p + 1], h[p + 2], h[p + 3] = 0, 0, 0
    return
  end
  local age = h[p + 3] + turns
  for b = bucket - age, bucket - RING - 1 do h[p + 1] = h[p + 1] - countOf(e, w, b) end
  e.from[w], e.closing[w] = from, h[p + 2]
  h[p + 2] = 0
  h[p + 3] = age <= RING and age or oldestAge(e, w, RING)
end

local function fresh(e, shape, now)
  local h = { VERSION + shape.n, now, now }
  for w = 1, shape.n do
    local p = placeOf(w)
    h[p], h[p + 1], h[p + 2], h[p + 3] = shape.lengths[w], 0, 0, 0
  end
  e.head = h
  e.whole = true
end

local function hasLengths(h, shape)
  if h[1] ~= VERSION + shape.n then return false end
  for w = 1, shape.n do
    if h[placeOf(w)] ~= shape.lengths[w] then return false end
  end
  return true
end

local function ringOf(e, w)
  local bucket, counts = e.buckets[w], {}
  for b = bucket - RING, bucket - 1 do counts[b % RING + 1] = countOf(e, w, b) end
  return encode('<' .. rep('I4', RING), unpack(counts))
end

-- Turns an entity into one with the windows of the shape: those whose length stays are carried
-- over, the others begin empty. What was taken until now is not given back any more, because it may
-- be in some of the windows only.
local function reshape(e, shape)
  local old, oldN, rings, buckets = e.head, e.n, {}, {}
  local idle = true
  for s = 1, oldN do idle = idle and old[placeOf(s) + 1] == 0 end
  fresh(e, shape, old[AT])
  if not idle then e.head[SINCE] = old[AT] + 1 end
  for w = 1, shape.n do
    local p = placeOf(w)
    rings[w] = EMPTY_RING
    buckets[w] = floor(old[AT] * RING / shape.lengths[w])
    for s = 1, oldN do
      local q = placeOf(s)
      if old[q] == shape.lengths[w] then
        e.head[p + 1], e.head[p + 2], e.head[p + 3] = old[q + 1], old[q + 2], old[q + 3]
        rings[w] = ringOf(e, s)
      end
    end
  end
  e.value = rep('\0', headBytes(shape.n)) .. table.concat(rings)
  e.n, e.ringsAt, e.buckets = shape.n, headBytes(shape.n) + 1, buckets
  e.from, e.closing = nil, nil
end

local function openStrict(key, value, shape, now)
  local e = {
    key = key,
    value = value,
    now = now,
    buckets = {}, -- for each window: number of the running sub-bucket
    resets = {}, -- for each window that was read: wait until something is given back
    -- Later, for windows that moved: from, closing, as `move` says; and for those that were
    -- corrected: back, a sub-bucket and its count.
  }
  if value then
    if value == true then return nil end
    local stored = (byte(value, 1) or 0) - VERSION
    if stored < 1 or stored > MOST_WINDOWS then return nil end
    if #value ~= headBytes(stored) + stored * RING_BYTES then return nil end
    e.head = { decode(HEAD_FORMAT[stored], value) }
  else
    fresh(e, shape, now)
  end
  local h = e.head
  e.n = h[1] - VERSION
  e.ringsAt = headBytes(e.n) + 1
  local fromMs = h[AT]
  local toMs = max(fromMs, now)
  for w = 1, e.n do
    local from, bucket = floor(fromMs * RING / h[4 * w]), floor(toMs * RING / h[4 * w])
    e.buckets[w] = bucket
    if bucket > from then move(e, w, from, bucket) end
  end
  h[AT] = toMs
  e.at = toMs
  if not hasLengths(h, shape) then
    if shape.loose then return false end
    reshape(e, shape)
  end
  return e
end

local function writePlaces(e, w, place, bytes)
  redis.call('SETRANGE', e.key, e.ringsAt - 1 + (w - 1) * RING_BYTES + place * 4, bytes)
end

-- Writes what `move` noted about the ring of window w.
local function saveRing(e, w)
  local from, closing = e.from[w], e.closing[w]
  local turns = e.buckets[w] - from
  local first = from % RING
  local places = encode('<I4', closing) .. rep('\0', 4 * (turns - 1))
  local untilEnd = RING - first
  if turns <= untilEnd then return writePlaces(e, w, first, places) end
  writePlaces(e, w, first, sub(places, 1, 4 * untilEnd))
  writePlaces(e, w, 0, sub(places, 4 * untilEnd + 1))
end

-- A time to live that stays longer than the longest window until it is set again.
local function ttlMs(e)
  return lifeOf(e.head[placeOf(e.n)])
end

-- Writes an entity back: no more than has changed.
local function saveStrict(e)
  local n = e.n
  local head = encode(HEAD_FORMAT[n], unpack(e.head, 1, 3 + 4 * n))
  if e.whole then
    local rings = e.value and sub(e.value, e.ringsAt) or rep(EMPTY_RING, n)
    redis.call('PSETEX', e.key, ttlMs(e), head .. rings)
  else
    redis.call('SETRANGE', e.key, 0, head)
    if e.turned then redis.call('PEXPIRE', e.key, ttlMs(e)) end
  end
  for w = 1, n do
    if e.from and e.from[w] then saveRing(e, w) end
    local back = e.back and e.back[w]
    if back then writePlaces(e, w, back.bucket % RING, encode('<I4', back.count)) end
  end
end

local function leavesAfterMs(e, w, bucket)
  return min(ceil((bucket + RING + 1) * e.head[placeOf(w)] / RING) - e.now, NEVER - 1)
end

-- Wait until `cost` fits in window w, if nobody else comes; 0 when it fits.
local function retryAfterMs(e, w, limit, cost)
  local p = placeOf(w)
  local h = e.head
  local over = h[p + 1] + cost - limit
  if over <= 0 then return 0 end
  if cost > limit then return NEVER end
  local bucket = e.buckets[w]
  local left = 0
  for b = bucket - h[p + 3], bucket - 1 do
    left = left + countOf(e, w, b)
    if left >= over then return leavesAfterMs(e, w, b) end
  end
  return leavesAfterMs(e, w, bucket)
end

local function readStrict(out, e, shape, cost, withRetry)
  local limits = shape.limits
  local h, resets = e.head, e.resets
  local size = #out
  for w = 1, e.n do
    local total = h[4 * w + 1]
    local reset = 0
    if total > 0 then
      reset = resets[w]
      if not reset then
        reset = leavesAfterMs(e, w, e.buckets[w] - h[4 * w + 3])
        resets[w] = reset
      end
    end
    local limit = limits[w]
    out[size + 1] = total < limit and limit - total or 0
    out[size + 2] = reset
    size = size + 2
    if withRetry then
      size = size + 1
      out[size] = retryAfterMs(e, w, limit, cost)
    end
  end
end

local function fitsStrict(e, shape, cost)
  local h, limits = e.head, shape.limits
  for w = 1, e.n do
    if h[4 * w + 1] + cost > limits[w] then return false end
  end
  return true
end

local function takeStrict(e, _, cost)
  local h = e.head
  for w = 1, e.n do
    local total = 4 * w + 1
    if h[total] == 0 then
      h[total + 2] = 0
      e.resets[w] = nil
    end
    h[total] = h[total] + cost
    h[total + 1] = h[total + 1] + cost
  end
end

local function correctStrict(e, at, units)
  local h = e.head
  if at < h[SINCE] then return end
  for w = 1, e.n do
    local p = placeOf(w)
    local bucket = floor(at * RING / h[p])
    local age = e.buckets[w] - bucket
    if age == 0 then
      local change = clamp(units, -h[p + 2], MAX_COUNT - h[p + 1])
      if h[p + 1] == 0 then h[p + 3] = 0 end
      h[p + 1], h[p + 2] = h[p + 1] + change, h[p + 2] + change
    elseif age > 0 and age <= RING then
      local count = countOf(e, w, bucket)
      local change = clamp(units, -count, MAX_COUNT - h[p + 1])
      local oldest = h[p + 1] == 0 and age or max(age, h[p + 3])
      h[p + 1] = h[p + 1] + change
      e.back = e.back or {}
      e.back[w] = { bucket = bucket, count = count + change }
      h[p + 3] = oldestAge(e, w, oldest)
    end
  end
end

METERS[1] = {
  open = openStrict,
  fits = fitsStrict,
  take = takeStrict,
  correct = correctStrict,
  readInto = readStrict,
  save = saveStrict,
}
