"""Values of a shape that the studio never writes, as somebody may forge them."""

VALUES = (
    None,
    True,
    -1,
    7,
    2**200,
    "text",
    "",
    [],
    {},
    [7],
    ["text"],
    [[]],
    [{}],
    [None],
    {"text": [7]},
    [["text", 7]],
)

# The fact `ranges` of a record that accepts damage. The right form is [[0, 9, ""]].
EVER = "9999-12-31T23:59:59.999999Z"
MALFORMED_RANGES = (
    None,
    7,
    "all",
    {},
    {"0": [0, 99, ""]},
    [0, 99, ""],
    [[0, 99]],
    [[0, 99, "", ""]],
    [["0", "99", ""]],
    [[0, 99, None]],
    [[0, 99, 7]],
    [[0, 99, "zzz"]],
    [[True, 99, ""]],
    [[-1, 99, ""]],
    [[99, 0, ""]],
    [[0, 2**200, ""]],
    [[0, 2**63, EVER]],
    [[0, 99, ""], None],
    [[[0], 99, ""]],
)
