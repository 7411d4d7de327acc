// The second set: written after the rules of `leaks` were frozen.
export const LEAKS = {};
export const HEALTHY = {};
