"""Zero code: functions traced without touching their source or their command line.

Put the folder of this package on PYTHONPATH (`python -m tracekit.bootstrap` prints it), or name the file
`exec-wrapper` in it as AWS_LAMBDA_EXEC_WRAPPER. Python then loads sitecustomize.py from it at start, before
any code of the function, and Python is started only once.
"""
