"""The five classes, and labels that may leave the class open.

A label pixel is a set of classes, one bit each: `BUILDING` means "a building",
`ANY - BUILDING` "one of the other four", `ANY` "nobody knows". The bit `WEAK`
marks labels that a rule or another network made and no person drew; `PARTING` marks
the ground between two buildings that stand close to each other.
"""

NAMES = ("building", "road", "vegetation", "water", "bare_land")
BUILDING, ROAD, VEGETATION, WATER, BARE_LAND = (1 << i for i in range(5))
ANY = 31
WEAK = 32
PARTING = 64

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
