// src/places.ts
var places = [
  "amber 0",
  "birch 1",
  "cedar 2",
  "delta 3",
  "ember 4",
  "fjord 5",
  "grove 6",
  "haven 7",
  "inlet 8",
  "jetty 9",
  "knoll 10",
  "larch 11",
  "marsh 12",
  "north 13",
  "ocean 14",
  "prairie 15",
  "quartz 16",
  "river 17",
  "stone 18",
  "tundra 19",
  "upland 20",
  "valley 21",
  "willow 22",
  "xylem 23",
  "yarrow 24",
  "zephyr 25",
  "amber 26",
  "birch 27",
  "cedar 28",
  "delta 29",
  "ember 30",
  "fjord 31",
  "grove 32",
  "haven 33",
  "inlet 34",
  "jetty 35",
  "knoll 36",
  "larch 37",
  "marsh 38",
  "north 39",
  "ocean 40",
  "prairie 41",
  "quartz 42",
  "river 43",
  "stone 44",
  "tundra 45",
  "upland 46",
  "valley 47",
  "willow 48",
  "xylem 49",
  "yarrow 50",
  "zephyr 51",
  "amber 52",
  "birch 53",
  "cedar 54",
  "delta 55",
  "ember 56",
  "fjord 57",
  "grove 58",
  "haven 59",
  "inlet 60",
  "jetty 61",
  "knoll 62",
  "larch 63",
  "marsh 64",
  "north 65",
  "ocean 66",
  "prairie 67",
  "quartz 68",
  "river 69",
  "stone 70",
  "tundra 71",
  "upland 72",
  "valley 73",
  "willow 74",
  "xylem 75",
  "yarrow 76",
  "zephyr 77",
  "amber 78",
  "birch 79",
  "cedar 80",
  "delta 81",
  "ember 82",
  "fjord 83",
  "grove 84",
  "haven 85",
  "inlet 86",
  "jetty 87",
  "knoll 88",
  "larch 89",
  "marsh 90",
  "north 91",
  "ocean 92",
  "prairie 93",
  "quartz 94",
  "river 95",
  "stone 96",
  "tundra 97",
  "upland 98",
  "valley 99",
  "willow 100",
  "xylem 101",
  "yarrow 102",
  "zephyr 103",
  "amber 104",
  "birch 105",
  "cedar 106",
  "delta 107",
  "ember 108",
  "fjord 109",
  "grove 110",
  "haven 111",
  "inlet 112",
  "jetty 113",
  "knoll 114",
  "larch 115",
  "marsh 116",
  "north 117",
  "ocean 118",
  "prairie 119",
  "quartz 120",
  "river 121",
  "stone 122",
  "tundra 123",
  "upland 124",
  "valley 125",
  "willow 126",
  "xylem 127",
  "yarrow 128",
  "zephyr 129",
  "amber 130",
  "birch 131",
  "cedar 132",
  "delta 133",
  "ember 134",
  "fjord 135",
  "grove 136",
  "haven 137",
  "inlet 138",
  "jetty 139",
  "knoll 140",
  "larch 141",
  "marsh 142",
  "north 143",
  "ocean 144",
  "prairie 145",
  "quartz 146",
  "river 147",
  "stone 148",
  "tundra 149",
  "upland 150",
  "valley 151",
  "willow 152",
  "xylem 153",
  "yarrow 154",
  "zephyr 155"
];

// src/sessions.ts
var SessionRecord = class {
  constructor(id) {
    this.id = id;
    this.payload = new Array(150).fill(`session ${id}`);
  }
  id;
  started = /* @__PURE__ */ new Date();
  payload;
};
var SessionStore = class {
  sessionsById = /* @__PURE__ */ new Map();
  open(id) {
    const opened = new SessionRecord(id);
    this.sessionsById.set(id, opened);
    return opened;
  }
};

// src/listeners.ts
var import_node_events = require("node:events");
var notifications = new import_node_events.EventEmitter();
notifications.setMaxListeners(0);
function subscribe(userId) {
  const remembered = new Array(150).fill(userId);
  notifications.on("message", function deliverMessage(text) {
    if (text.length > remembered.length) remembered.push(text.length);
  });
}

// src/main.ts
var recentResults = [];
var activeStore = new SessionStore();
function handleRequest(n) {
  const record = activeStore.open(n);
  recentResults.push(new Array(40).fill(record));
  subscribe(n + places.length);
}
keep(handleRequest);
//# sourceMappingURL=plain.js.map
