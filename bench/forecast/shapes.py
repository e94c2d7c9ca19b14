"""The shapes of shapes.cjs by what they are for, with their sizes in megabytes.

Nothing is fitted on what the forecast is judged by.
"""

SMALL_AND_LARGE = (25.0, 70.0)
# fmt: off
FITTED = (
    "list", "tree", "closures", "classes", "sparse", "typed", "sets", "table", "names",
    "dictionaries", "promises", "cons", "floats", "references", "functions", "errors", "buffers",
    "json", "pages", "matrix", "npm", "labels", "uuids",
)
# fmt: on

OF: dict[str, dict[str, tuple[float, ...]]] = {
    "judged": {
        "records": (40.0, 130.0),
        "tiny": (40.0, 90.0),
        "strings": (40.0, 130.0),
        "maps": (40.0, 130.0),
        "doubles": (40.0, 130.0),
        "mixed": (40.0, 130.0),
    },
    "fitted": dict.fromkeys(FITTED, SMALL_AND_LARGE),
}
