import type { WindowSpec } from './counter.ts';

/** Windows that suit a kind of use, and by how much a burst may pass the shortest. */
export interface RatePreset {
  readonly windows: readonly WindowSpec[];
  readonly burstMultiplier: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

function perMinuteHourDay(minute: number, hour: number, day: number): readonly WindowSpec[] {
  return [
    { lengthMs: MINUTE_MS, limit: minute },
    { lengthMs: HOUR_MS, limit: hour },
    { lengthMs: DAY_MS, limit: day },
  ];
}

/** Rate limits by use case (requirement R35). */
export const RATE_PRESETS = {
  high_volume_automation: { windows: perMinuteHourDay(100, 5_000, 50_000), burstMultiplier: 2 },
  user_facing_integration: { windows: perMinuteHourDay(10, 100, 500), burstMultiplier: 1.5 },
  background_processing: { windows: perMinuteHourDay(5, 200, 2_000), burstMultiplier: 1 },
  critical_services: { windows: perMinuteHourDay(200, 10_000, 100_000), burstMultiplier: 3 },
} as const satisfies Readonly<Record<string, RatePreset>>;

export type RatePresetName = keyof typeof RATE_PRESETS;
export const RATE_PRESET_NAMES = Object.keys(RATE_PRESETS) as readonly RatePresetName[];
