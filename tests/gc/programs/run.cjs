// A program that is sick or healthy in a known way, its sizes and rates drawn from a seed.
//
//     node run.cjs NAME SEED --about     what it is started with and what is known of it, as JSON
//     node FLAGS run.cjs NAME SEED [SECONDS]
//
// A program is { about(draw): { flags, sick, also, seconds, ...sizes }, run(sizes, draw, turn) }. `sick` are
// the findings that name what is wrong with it (none of a healthy one), `also` those that are true of
// it besides, and no fault if missing. `turn(milliseconds, work)` calls work again and again until the time is up.
'use strict';
const programs = { ...require('./known.cjs'), ...require('./unseen.cjs') };

// mulberry32: the same numbers everywhere.
function drawing(seed) {
  let a = seed >>> 0;
  const random = () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  for (let i = 0; i < 10; i++) random();
  return {
    random,
    // Sizes differ by factors, so that each octave is drawn as often.
    between: (low, high) => low * (high / low) ** random(),
    whole: (low, high) => Math.round(low * (high / low) ** random()),
    one: (...of) => of[Math.floor(random() * of.length)],
  };
}

const [name, seed, third] = process.argv.slice(2);
if (name === undefined) {
  console.log(Object.keys(programs).join('\n'));
} else {
  const draw = drawing([...`${name} ${seed}`].reduce((a, c) => Math.imul(a, 31) + c.charCodeAt(0), 7));
  const { about, run } = programs[name];
  const sizes = { flags: [], sick: [], also: [], seconds: 6, ...about(draw) };
  if (third === '--about') {
    console.log(JSON.stringify(sizes));
  } else {
    const end = performance.now() + 1000 * Number(third ?? sizes.seconds);
    run(sizes, draw, (milliseconds, work) => {
      const timer = setInterval(() => {
        work();
        if (performance.now() > end) clearInterval(timer);
      }, milliseconds);
    });
  }
}
