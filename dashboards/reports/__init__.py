"""The weekly report of a hall: what to see, why, what to do, and whether it helped (发现-分析-优化-评估)."""
