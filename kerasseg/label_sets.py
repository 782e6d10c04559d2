"""The classes of published datasets.

Names, colors and ids are facts of the publications; each says where they
were read.
"""

from kerasseg.labels import Labels
from kerasseg.labels import default_palette

__all__ = [
    "ADE20K",
    "ANIMALS",
    "CAMVID",
    "CAMVID_31",
    "CITYSCAPES",
    "IDD_LITE",
    "NUCLEI",
    "OXFORD_PETS",
    "PASCAL_CONTEXT",
    "VOC",
]


def _colors(hexadecimal):
    return tuple(tuple(bytes.fromhex(color)) for color in hexadecimal.split())


CAMVID = Labels(
    class_names=(
        "Sky",
        "Building",
        "Pole",
        "Road",
        "Pavement",
        "Tree",
        "SignSymbol",
        "Fence",
        "Car",
        "Pedestrian",
        "Bicyclist",
    ),
    palette=(
        (128, 128, 128),
        (128, 0, 0),
        (192, 192, 128),
        (128, 64, 128),
        (60, 40, 222),
        (128, 128, 0),
        (192, 128, 128),
        (64, 64, 128),
        (64, 0, 128),
        (64, 64, 0),
        (0, 128, 192),
    ),
)

NUCLEI = Labels(
    class_names=("background", "nucleus"),
    palette=((0, 0, 0), (255, 196, 0)),
)

IDD_LITE = Labels(
    class_names=(
        "drivable",
        "non-drivable",
        "living things",
        "vehicles",
        "roadside objects",
        "far objects",
        "sky",
    ),
    palette=(
        (128, 64, 128),
        (244, 35, 232),
        (220, 20, 60),
        (0, 0, 142),
        (190, 153, 153),
        (107, 142, 35),
        (70, 130, 180),
    ),
)

# The colors of Pascal VOC for the seven of its classes.
ANIMALS = Labels(
    class_names=(
        "background",
        "cat",
        "dog",
        "horse",
        "cow",
        "sheep",
        "person",
    ),
    palette=(
        (0, 0, 0),
        (64, 0, 0),
        (64, 0, 128),
        (192, 0, 128),
        (64, 128, 0),
        (128, 64, 0),
        (192, 128, 128),
    ),
)

# The devkit of the challenge; the colors are its color map.
VOC = Labels(
    class_names=(
        "Background",
        "Aeroplane",
        "Bicycle",
        "Bird",
        "Boat",
        "Bottle",
        "Bus",
        "Car",
        "Cat",
        "Chair",
        "Cow",
        "DiningTable",
        "Dog",
        "Horse",
        "Motorbike",
        "Person",
        "PottedPlant",
        "Sheep",
        "Sofa",
        "Train",
        "TVMonitor",
    ),
    palette=default_palette(21),
)

# github.com/mcordts/cityscapesScripts, helpers/labels.py: name, id, color.
# The other 15 of its ids (0 to 33) are void in the evaluation.
_CITYSCAPES = {
    "road": (7, (128, 64, 128)),
    "sidewalk": (8, (244, 35, 232)),
    "building": (11, (70, 70, 70)),
    "wall": (12, (102, 102, 156)),
    "fence": (13, (190, 153, 153)),
    "pole": (17, (153, 153, 153)),
    "traffic light": (19, (250, 170, 30)),
    "traffic sign": (20, (220, 220, 0)),
    "vegetation": (21, (107, 142, 35)),
    "terrain": (22, (152, 251, 152)),
    "sky": (23, (70, 130, 180)),
    "person": (24, (220, 20, 60)),
    "rider": (25, (255, 0, 0)),
    "car": (26, (0, 0, 142)),
    "truck": (27, (0, 0, 70)),
    "bus": (28, (0, 60, 100)),
    "train": (31, (0, 80, 100)),
    "motorcycle": (32, (0, 0, 230)),
    "bicycle": (33, (119, 11, 32)),
}

CITYSCAPES = Labels(
    class_names=tuple(_CITYSCAPES),
    palette=tuple(color for _, color in _CITYSCAPES.values()),
    id_map=dict.fromkeys(range(34), 255)
    | {id: new for new, (id, _) in enumerate(_CITYSCAPES.values())},
)

# The first name of each in github.com/CSAILVision/sceneparsing,
# objectInfo150.txt; the colors are its color150.mat as listed in
# github.com/open-mmlab/mmsegmentation, mmseg/datasets/ade.py.
_ADE20K_NAMES = (
    "wall, building, sky, floor, tree, ceiling, road, bed, windowpane, grass, "
    "cabinet, sidewalk, person, earth, door, table, mountain, plant, curtain, "
    "chair, car, water, painting, sofa, shelf, house, sea, mirror, rug, "
    "field, armchair, seat, fence, desk, rock, wardrobe, lamp, bathtub, "
    "railing, cushion, base, box, column, signboard, chest of drawers, "
    "counter, sand, sink, skyscraper, fireplace, refrigerator, grandstand, "
    "path, stairs, runway, case, pool table, pillow, screen door, stairway, "
    "river, bridge, bookcase, blind, coffee table, toilet, flower, book, "
    "hill, bench, countertop, stove, palm, kitchen island, computer, swivel "
    "chair, boat, bar, arcade machine, hovel, bus, towel, light, truck, "
    "tower, chandelier, awning, streetlight, booth, television receiver, "
    "airplane, dirt track, apparel, pole, land, bannister, escalator, "
    "ottoman, bottle, buffet, poster, stage, van, ship, fountain, conveyer "
    "belt, canopy, washer, plaything, swimming pool, stool, barrel, basket, "
    "waterfall, tent, bag, minibike, cradle, oven, ball, food, step, tank, "
    "trade name, microwave, pot, animal, bicycle, lake, dishwasher, screen, "
    "blanket, sculpture, hood, sconce, vase, traffic light, tray, ashcan, "
    "fan, pier, crt screen, plate, monitor, bulletin board, shower, "
    "radiator, glass, clock, flag"
)

_ADE20K_COLORS = (
    "787878 b47878 06e6e6 503232 04c803 787850 8c8c8c cc05ff e6e6e6 04fa07 "
    "e005ff ebff07 96053d 787846 08ff33 ff0652 8fff8c ccff04 ff3307 cc4603 "
    "0066c8 3de6fa ff0633 0b66ff ff0747 ff09e0 0907e6 dcdcdc ff095c 7009ff "
    "08ffd6 07ffe0 ffb806 0aff47 ff290a 07ffff e0ff08 6608ff ff3d06 ffc207 "
    "ff7a08 00ff14 ff0829 ff0599 0633ff eb0cff a09614 00a3ff 8c8c8c fa0a0f "
    "14ff00 1fff00 ff1f00 ffe000 99ff00 0000ff ff4700 00ebff 00adff 1f00ff "
    "0bc8c8 ff5200 00fff5 003dff 00ff70 00ff85 ff0000 ffa300 ff6600 c2ff00 "
    "008fff 33ff00 0052ff 00ff29 00ffad 0a00ff adff00 00ff99 ff5c00 ff00ff "
    "ff00f5 ff0066 ffad00 ff0014 ffb8b8 001fff 00ff3d 0047ff ff00cc 00ffc2 "
    "00ff52 000aff 0070ff 3300ff 00c2ff 007aff 00ffa3 ff9900 00ff0a ff7000 "
    "8fff00 5200ff a3ff00 ffeb00 08b8aa 8500ff 00ff5c b800ff ff001f 00b8ff "
    "00d6ff ff0070 5cff00 00e0ff 70e0ff 46b8a0 a300ff 9900ff 47ff00 ff00a3 "
    "ffcc00 ff008f 00ffeb 85ff00 ff00eb f500ff ff007a fff500 0abed4 d6ff00 "
    "00ccff 1400ff ffff00 0099ff 0029ff 00ffcc 2900ff 29ff00 ad00ff 00f5ff "
    "4700ff 7a00ff 00ffb8 005cff b8ff00 0085ff ffd600 19c2c2 66ff00 5c00ff"
)

ADE20K = Labels(
    class_names=tuple(_ADE20K_NAMES.split(", ")),
    palette=_colors(_ADE20K_COLORS),
)

# github.com/shelhamer/fcn.berkeleyvision.org,
# data/pascal-context/classes-59.txt, without its background.
_PASCAL_CONTEXT_NAMES = (
    "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog "
    "horse motorbike person pottedplant sheep sofa train tvmonitor bag bed "
    "bench book building cabinet ceiling clothes computer cup door fence "
    "floor flower food grass ground keyboard light mountain mouse curtain "
    "platform sign plate road rock shelves sidewalk sky snow bedcloth track "
    "tree truck wall water window wood"
)

PASCAL_CONTEXT = Labels(class_names=tuple(_PASCAL_CONTEXT_NAMES.split()))

# The label_colors.txt of the original CamVid: 32 colors, of which the last,
# black, is void.
_CAMVID_31 = (
    "Animal 408040 Archway c00080 Bicyclist 0080c0 Bridge 008040 Building "
    "800000 Car 400080 CartLuggagePram 4000c0 Child c08040 Column_Pole c0c080 "
    "Fence 404080 LaneMkgsDriv 8000c0 LaneMkgsNonDriv c00040 Misc_Text 808040 "
    "MotorcycleScooter c000c0 OtherMoving 804040 ParkingBlock 40c080 "
    "Pedestrian 404000 Road 804080 RoadShoulder 8080c0 Sidewalk 0000c0 "
    "SignSymbol c08080 Sky 808080 SUVPickupTruck 4080c0 TrafficCone 000040 "
    "TrafficLight 004040 Train c04080 Tree 808000 Truck_Bus c080c0 Tunnel "
    "400040 VegetationMisc c0c000 Wall 40c000"
)

CAMVID_31 = Labels(
    class_names=tuple(_CAMVID_31.split()[::2]),
    palette=_colors(" ".join(_CAMVID_31.split()[1::2])),
)

# The README of its annotations: 1 foreground, 2 background, 3 not classified.
OXFORD_PETS = Labels(
    class_names=("background", "pet"),
    id_map={1: 1, 2: 0, 3: 255},
)
