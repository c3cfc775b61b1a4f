-- Token buckets (src/limits/token-bucket.ts). The value of an entity, little-endian, with n windows:
--   u8  48 + n
--   f64 at, f64 since   as with strict windows
--   n times  u32 length of the window, ms; f64 units in use

local BUCKET_VERSION = 48
local BUCKET_FORMAT = {}
for n = 1, MOST_WINDOWS do BUCKET_FORMAT[n] = '<Bdd' .. rep('I4d', n) end
-- What sums of fractions may be off by; no whole unit comes of it.
local ROUNDING = 1e-6

local function openBucket(key, value, shape, now)
  local e = { key = key, now = now, at = now, since = now, used = {}, shape = shape }
  local known, before, same = {}, now, value == false
  if value then
    local n = value ~= true and (byte(value, 1) or 0) - BUCKET_VERSION or 0
    if n < 1 or n > MOST_WINDOWS or #value ~= 17 + 12 * n then return nil end
    local fields = { decode(BUCKET_FORMAT[n], value) }
    before, e.since = fields[2], fields[3]
    e.at = max(before, now)
    same = n == shape.n
    for w = 1, n do
      known[fields[2 * w + 2]] = fields[2 * w + 3]
      same = same and fields[2 * w + 2] == shape.lengths[w]
    end
  end
  for w = 1, shape.n do
    local used = known[shape.lengths[w]] or 0
    e.used[w] = max(0, used - (e.at - before) * shape.limits[w] / shape.lengths[w])
  end
  if not same then
    if shape.loose then return false end
    e.since = e.at + 1
  end
  return e
end

local function fitsBucket(e, shape, cost)
  for w = 1, shape.n do
    if e.used[w] + cost > shape.bursts[w] + ROUNDING then return false end
  end
  return true
end

local function takeBucket(e, shape, cost)
  for w = 1, shape.n do e.used[w] = e.used[w] + cost end
end

-- Units given back are taken to have leaked first, so that nobody gets them twice.
local function correctBucket(e, at, units)
  if at < e.since then return end
  local shape = e.shape
  for w = 1, shape.n do
    if units >= 0 then
      e.used[w] = min(MAX_COUNT, e.used[w] + units)
    else
      local leaked = max(0, e.at - at) * shape.limits[w] / shape.lengths[w]
      e.used[w] = max(0, e.used[w] - max(0, -units - leaked))
    end
  end
end

local function bucketWait(e, shape, w, most)
  if shape.limits[w] == 0 then return NEVER end
  local over = e.used[w] - max(0, most) - ROUNDING
  local wait = ceil(over * shape.lengths[w] / shape.limits[w]) + e.at - e.now
  return clamp(wait, 1, NEVER - 1)
end

local function readBucket(out, e, shape, cost, withRetry)
  for w = 1, shape.n do
    local used, capacity = e.used[w], shape.bursts[w]
    out[#out + 1] = max(0, floor(capacity - used + ROUNDING))
    out[#out + 1] = used == 0 and 0 or bucketWait(e, shape, w, ceil(used - ROUNDING) - 1)
    if withRetry then
      local wait = 0
      if used + cost > capacity + ROUNDING then
        wait = cost > capacity and NEVER or bucketWait(e, shape, w, capacity - cost)
      end
      out[#out + 1] = wait
    end
  end
end

local function saveBucket(e)
  local fields, shape, longest = {}, e.shape, 0
  for w = 1, shape.n do
    fields[2 * w - 1], fields[2 * w] = shape.lengths[w], e.used[w]
    local drains = shape.limits[w] > 0 and e.used[w] * shape.lengths[w] / shape.limits[w] or 0
    longest = max(longest, shape.lengths[w], drains)
  end
  local format = BUCKET_FORMAT[shape.n]
  local value = encode(format, BUCKET_VERSION + shape.n, e.at, e.since, unpack(fields))
  redis.call('PSETEX', e.key, lifeOf(longest), value)
end

METERS[4] = {
  hasBurst = true,
  open = openBucket,
  fits = fitsBucket,
  take = takeBucket,
  correct = correctBucket,
  readInto = readBucket,
  save = saveBucket,
}
