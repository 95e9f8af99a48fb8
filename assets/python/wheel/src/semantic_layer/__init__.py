"""
Nothing yet: the planner, generator and validator of the semantic layer come with the package of whoever embeds ktx.

What a text refers to is told by `ktx_daemon.sql`. `ktx-daemon semantic-query` and its kin say that they are not here.
"""
