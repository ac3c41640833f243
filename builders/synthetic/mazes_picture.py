"""How a maze is drawn."""

from __future__ import annotations

from .canvas import Canvas
from .mazes_work import Maze

CELL = 34
MARGIN = 26


def draw(maze: Maze) -> Canvas:
    """Walls in bold lines, letters above and numbers beside the cells, S and G in theirs."""
    wide, high = (2 * MARGIN + count * CELL for count in (maze.columns, maze.rows))
    canvas = Canvas(wide, high)
    for column in range(maze.columns):
        canvas.text((MARGIN + column * CELL + CELL // 2, MARGIN // 2), "ABCDEFGHIJ"[column], 14, 5)
    for row in range(maze.rows):
        canvas.text((MARGIN // 2, MARGIN + row * CELL + CELL // 2), str(row + 1), 14, 5)
    canvas.box(MARGIN - 1, MARGIN - 1, wide - MARGIN + 2, high - MARGIN + 2)
    canvas.box(MARGIN + 2, MARGIN + 2, wide - MARGIN - 1, high - MARGIN - 1, 15)
    for row, opens in enumerate(maze.right):
        for column, open_ in enumerate(opens):
            if not open_:
                x, y = MARGIN + (column + 1) * CELL, MARGIN + row * CELL
                canvas.box(x - 1, y - 1, x + 2, y + CELL + 2)
    for row, opens in enumerate(maze.down):
        for column, open_ in enumerate(opens):
            if not open_:
                x, y = MARGIN + column * CELL, MARGIN + (row + 1) * CELL
                canvas.box(x - 1, y - 1, x + CELL + 2, y + 2)
    for mark, (row, column) in (("S", maze.start), ("G", maze.goal)):
        canvas.text((MARGIN + column * CELL + CELL // 2, MARGIN + row * CELL + CELL // 2 + 1), mark, 19)
    return canvas
