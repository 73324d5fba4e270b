"""Who the enemy is: what he may do (threat), wants (goal), sees (victim), and how he keeps count (search)."""
