"""Files that are written beside an export, as they are: each stands alone, and needs none of the others.

| file        | for                                                       |
|-------------|-----------------------------------------------------------|
| `reward`    | TRL, ms-swift, verl, EasyR1: what a rollout is worth      |
| `verl_pgpo` | verl: advantages weighed by how much a token sees (PGPO)  |
"""
