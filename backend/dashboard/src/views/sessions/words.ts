// What the API says of a session in single words, explained.

export const METHOD_WORDS: Record<string, string> = {
  register: "By the meter's register",
  session_counter: "By the station's counter of the session",
  power: "From power over time",
};

export const METHOD_NOTES: Record<string, string> = {
  register: "The difference of the meter's total between start and end.",
  session_counter: "The station counts the energy of each session itself.",
  power: "No counter was sent: power was summed up over time, so gaps may hide energy.",
};

export const FLAG_WORDS: Record<string, string> = {
  energy_disagrees: "Energy disagrees",
  baseline_corrected: "Start corrected",
  counter_fell: "Counter fell",
  counter_jumped: "Counter jumped",
  split_scaled: "Sources scaled",
  gap: "Gap in readings",
  implausible_readings: "Implausible readings",
  clock_distrusted: "Clock distrusted",
};

export const FLAG_NOTES: Record<string, string> = {
  energy_disagrees: "Two ways of measuring differ by more than 5 % and 100 Wh.",
  baseline_corrected: "The meter began at 0 and then showed its true total: the start was set to that.",
  counter_fell: "A counter went backwards, as after a restart: counting went on from there.",
  counter_jumped: "A counter rose by more than the station can deliver: the jump is not billed.",
  split_scaled: "The station's solar and grid counters exceed its total: both were scaled down to it.",
  gap: "Readings were missing for longer than can be bridged.",
  implausible_readings: "Some readings were physically impossible and added nothing.",
  clock_distrusted: "Some readings carry the time of their receipt, as the station's clock was wrong.",
};

export const END_WORDS: Record<string, string> = {
  EVDisconnected: "Car disconnected",
  Timeout: "Station fell silent",
  Local: "Ended at the station",
  Remote: "Ended remotely",
  Other: "Ended (other reason)",
};
