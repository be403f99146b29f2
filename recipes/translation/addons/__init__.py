"""TF-Addons' attention and decoders, in a child process, to compare this project's with.

TF-Addons ended in May 2024 and knows nothing of Keras 3. It still runs on today's TensorFlow with
the older `tf_keras`, in a process that never loads Keras 3: `runner.run` starts one, hands it NumPy
arrays and takes arrays back. Everything else here runs either in that child (`child`, `network`,
`book`) or in the parent (`runner`, `weights`, `training`).

Needs the extra `addons` (`scripts/setup addons`), which exists for Python 3.11 only.
"""
